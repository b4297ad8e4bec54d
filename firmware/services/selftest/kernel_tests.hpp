// The eighteen rows of the menu k. What each holds the kernel to is in its body.
//
// Context   the shell's thread (services/selftest/selftest.hpp).
#pragma once

#include "services/selftest/selftest.hpp"

namespace kyu::selftest {

void test_basic(ThreadContext& self, Run& run);
void test_timer(ThreadContext& self, Run& run);
void test_delay(ThreadContext& self, Run& run);
void test_continuation_steps(ThreadContext& self, Run& run);
void test_continuation_wake(ThreadContext& self, Run& run);
void test_thread_priorities(ThreadContext& self, Run& run);
void test_thread_slices(ThreadContext& self, Run& run);
void test_thread_periodic(ThreadContext& self, Run& run);

void test_semaphore_priority(ThreadContext& self, Run& run);
void test_semaphore_fifo(ThreadContext& self, Run& run);
void test_semaphore_timeout(ThreadContext& self, Run& run);
void test_semaphore_interrupt(ThreadContext& self, Run& run);
void test_interrupts_off(ThreadContext& self, Run& run);
void test_interrupt_characters(ThreadContext& self, Run& run);
void test_condition(ThreadContext& self, Run& run);
void test_join(ThreadContext& self, Run& run);
void test_mutex(ThreadContext& self, Run& run);
void test_cancel(ThreadContext& self, Run& run);

}  // namespace kyu::selftest
