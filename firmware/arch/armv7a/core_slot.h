// The layout of a core's slot, for core.S and cores.hpp alike.
//
// Rules     Assembly reads this file too: preprocessor constants only.
#pragma once

#define CORE_SLOT_STATE 0
#define CORE_SLOT_BYTES 64

#define CORE_NEVER_SEEN 0
#define CORE_PARKED 1
#define CORE_RUNNING 2
#define CORE_FAULTED 3
