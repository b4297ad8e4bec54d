// The registers of the core's own timers: the virtual one, which is the clock, and the physical
// one, whose interrupt in the Secure world can be a fast one.
//
// Context   PL1. Source: ARM ARM DDI 0406C, B8.1.
#pragma once

#include <cstdint>

namespace kyu {

class Cp15VirtualTimer {
public:
    [[nodiscard]] std::uint32_t frequency() const {
        std::uint32_t hz;
        __asm__ volatile("mrc p15, 0, %0, c14, c0, 0" : "=r"(hz));  // CNTFRQ
        return hz;
    }
    [[nodiscard]] std::uint64_t count() const {
        std::uint64_t ticks;
        // The counter may be read ahead of time: the barrier keeps it behind what came before.
        __asm__ volatile("isb\n\tmrrc p15, 1, %Q0, %R0, c14" : "=r"(ticks)::"memory");  // CNTVCT
        return ticks;
    }
    void set_compare(std::uint64_t ticks) const {
        __asm__ volatile("mcrr p15, 3, %Q0, %R0, c14" ::"r"(ticks) : "memory");  // CNTV_CVAL
    }
    void set_control(std::uint32_t control) const {
        __asm__ volatile("mcr p15, 0, %0, c14, c3, 1\n\tisb" ::"r"(control)
                         : "memory");  // CNTV_CTL
    }
};

class Cp15PhysicalTimer {
public:
    [[nodiscard]] std::uint32_t frequency() const { return Cp15VirtualTimer{}.frequency(); }
    [[nodiscard]] std::uint64_t count() const {
        std::uint64_t ticks;
        __asm__ volatile("isb\n\tmrrc p15, 0, %Q0, %R0, c14" : "=r"(ticks)::"memory");  // CNTPCT
        return ticks;
    }
    void set_compare(std::uint64_t ticks) const {
        __asm__ volatile("mcrr p15, 2, %Q0, %R0, c14" ::"r"(ticks) : "memory");  // CNTP_CVAL
    }
    void set_control(std::uint32_t control) const {
        __asm__ volatile("mcr p15, 0, %0, c14, c2, 1\n\tisb" ::"r"(control)
                         : "memory");  // CNTP_CTL
    }
};

}  // namespace kyu
