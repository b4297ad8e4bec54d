// Props: the locks, the semaphores and the helper thread that the planted failures act with.
//
// Context   the helper runs once, when `start_helper` is signalled.
#pragma once

#include "kernel/condvar.hpp"
#include "kernel/mutex.hpp"
#include "kernel/pool_registry.hpp"
#include "kernel/semaphore.hpp"
#include "kernel/timer.hpp"

namespace kyu::defects {

struct Props {
    Mutex first{"abba-a", HolderSleeps::may};
    Mutex second{"abba-b", HolderSleeps::may};
    Mutex connection{"connection"};
    CondVar news{"news"};
    bool delivered{false};
    Semaphore start_helper{"defect helper", 0};
    Semaphore reply{"reply", 0};
    Timer late;
    PoolEntry damaged;

    Props();
};

}  // namespace kyu::defects
