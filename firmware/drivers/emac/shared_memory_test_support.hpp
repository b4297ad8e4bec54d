// SharedMemory: what processor and device both see, and where they may disagree.
//
//   qemu     coherent: one memory.
//   silicon  cached regions have two faces, the cache's and RAM's. The processor sees stale lines
//            until it invalidates them; the device sees old bytes until the processor cleans; dirty
//            lines are written back right after the device has written, when it hurts most.
//
// What a driver must never do is noted in `faults`.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "drivers/emac/descriptor.hpp"

namespace kyu::emac::test {

enum class Character : std::uint8_t { qemu, silicon };

using Bytes = std::vector<std::byte>;

/// Memory that processor and device share. `cached` memory has two faces in silicon.
class SharedMemory {
    struct Region {
        std::byte* host;
        std::size_t size;
        std::uint32_t bus;
        bool cached;
        Bytes memory;  // what lies in RAM
        Bytes synced;  // what the cache last agreed with RAM about
    };
    Character character_;
    std::vector<Region> regions_;
    std::uint32_t next_bus_{0x4010'0000};

    Region* of_host(const void* p, std::size_t bytes) {
        const auto* b = static_cast<const std::byte*>(p);
        for (Region& r : regions_) {
            if (b >= r.host && b + bytes <= r.host + r.size) return &r;
        }
        return nullptr;
    }
    Region* of_bus(std::uint32_t address, std::size_t bytes) {
        for (Region& r : regions_) {
            if (address >= r.bus && address + bytes <= r.bus + r.size) return &r;
        }
        return nullptr;
    }
    [[nodiscard]] bool split(const Region& r) const {
        return r.cached && character_ == Character::silicon;
    }

public:
    std::vector<std::string> faults;

    explicit SharedMemory(Character character) : character_(character) {}

    void add(void* host, std::size_t bytes, bool cached) {
        auto* h = static_cast<std::byte*>(host);
        const Bytes now(h, h + bytes);
        regions_.push_back({h, bytes, next_bus_, cached, now, now});
        next_bus_ += static_cast<std::uint32_t>((bytes + 0xFFFFU) & ~0xFFFFULL);
    }
    std::uint32_t bus_address(const void* p) {
        const Region* r = of_host(p, 1);
        if (r == nullptr) {
            faults.emplace_back("an address that the device cannot reach");
            return 0;
        }
        return r->bus + static_cast<std::uint32_t>(static_cast<const std::byte*>(p) - r->host);
    }
    /// The processor's view of a word that it shares uncached.
    std::uint32_t* word_at(std::uint32_t bus) {
        Region* r = of_bus(bus, 4);
        if (r == nullptr || r->cached) return nullptr;
        return reinterpret_cast<std::uint32_t*>(r->host + (bus - r->bus));
    }
    Bytes device_read(std::uint32_t bus, std::size_t bytes) {
        Region* r = of_bus(bus, bytes);
        if (r == nullptr) {
            faults.emplace_back("the device reads outside of shared memory");
            return Bytes(bytes);
        }
        const std::byte* from =
            split(*r) ? r->memory.data() + (bus - r->bus) : r->host + (bus - r->bus);
        return Bytes(from, from + bytes);
    }
    void device_write(std::uint32_t bus, std::span<const std::byte> data, std::size_t room) {
        Region* r = of_bus(bus, room);
        if (r == nullptr) {
            faults.emplace_back("the device writes outside of shared memory");
            return;
        }
        const std::size_t at = bus - r->bus;
        std::byte* to = split(*r) ? r->memory.data() + at : r->host + at;
        std::copy(data.begin(), data.end(), to);
        if (split(*r)) each_line(*r, at, data.size(), [&](std::size_t line) { evict(*r, line); });
    }
    void clean(const void* start, std::size_t bytes) {
        Region* r = of_host(start, bytes);
        if (r == nullptr || !split(*r)) return;
        const std::size_t at =
            static_cast<std::size_t>(static_cast<const std::byte*>(start) - r->host);
        each_line(*r, at, bytes, [&](std::size_t line) { evict(*r, line); });
    }
    void invalidate(void* start, std::size_t bytes) {
        Region* r = of_host(start, bytes);
        if (r == nullptr || !split(*r)) return;
        const std::size_t at = static_cast<std::size_t>(static_cast<std::byte*>(start) - r->host);
        if (at % kCacheLine != 0 || bytes % kCacheLine != 0) {
            faults.emplace_back("half a cache line is invalidated");
        }
        each_line(*r, at, bytes, [&](std::size_t line) {
            std::memcpy(r->host + line, r->memory.data() + line, kCacheLine);
            std::memcpy(r->synced.data() + line, r->memory.data() + line, kCacheLine);
        });
    }

private:
    template <typename F>
    static void each_line(const Region& r, std::size_t at, std::size_t bytes, F f) {
        for (std::size_t line = at & ~(kCacheLine - 1); line < at + bytes; line += kCacheLine) {
            if (line + kCacheLine <= r.size) f(line);
        }
    }
    static void evict(Region& r, std::size_t line) {
        if (std::memcmp(r.host + line, r.synced.data() + line, kCacheLine) == 0) return;
        std::memcpy(r.memory.data() + line, r.host + line, kCacheLine);
        std::memcpy(r.synced.data() + line, r.host + line, kCacheLine);
    }
};

}  // namespace kyu::emac::test
