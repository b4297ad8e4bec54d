// The layout of a trap frame, for vectors.S and exceptions.hpp alike.
//
// Rules     Assembly reads this file too: preprocessor constants only.
#pragma once

#define TRAP_RESERVED 0
#define TRAP_UNDEFINED 1
#define TRAP_SVC 2
#define TRAP_PREFETCH_ABORT 3
#define TRAP_DATA_ABORT 4
#define TRAP_FIQ 5

#define TRAP_R8 32
#define TRAP_SP 52
#define TRAP_LR 56
#define TRAP_PC 60
#define TRAP_CPSR 64
#define TRAP_KIND 68
#define TRAP_FRAME_BYTES 72
