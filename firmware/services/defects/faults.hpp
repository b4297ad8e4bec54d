// What a program can do to its processor.
//
// Context   a thread; none of these returns on the board.
#pragma once

namespace kyu::defects {

void read_null();
void write_null();
void call_null();
void write_text();
void run_data();
void run_undefined();
void divide_by_zero();
void recurse_for_ever();
void enter_large_frame();

}  // namespace kyu::defects
