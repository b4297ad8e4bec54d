# Toolchain: bare-metal ARM, Cortex-A7. The compiler uses no floating point registers; a few loops
# in assembly use d16-d31 (arch/armv7a/neon.hpp). Loads and stores need not be aligned once the MMU
# is on: bytes of a packet that make a number are one instruction.
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR arm)
set(CMAKE_C_COMPILER arm-none-eabi-gcc)
set(CMAKE_CXX_COMPILER arm-none-eabi-g++)
set(CMAKE_ASM_COMPILER arm-none-eabi-gcc)
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)

set(kyu_cpu "-mcpu=cortex-a7 -marm -mfloat-abi=soft -munaligned-access")
set(CMAKE_ASM_FLAGS_INIT "${kyu_cpu}")
set(CMAKE_CXX_FLAGS_INIT "${kyu_cpu} -funwind-tables -Wno-psabi")
set(CMAKE_EXE_LINKER_FLAGS_INIT "-nostartfiles -Wl,--gc-sections -Wl,--build-id=sha1")
