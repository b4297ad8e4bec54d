// kyu_fuzz: all fuzz targets in one program.
//
// Usage     kyu_fuzz --target=NAME [--plant=BUG] [libFuzzer's arguments]     kyu_fuzz --list
// Rules     libFuzzer passes over what begins with "--", also when it starts itself again (-merge).
#include <array>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "apps/fuzz/target.hpp"

namespace kyu::fuzz {
namespace {

constexpr std::array kTargets{
    Target{"wire", "views of Ethernet, ARP, IPv4, ICMP quotes, IGMP, UDP", wire},
    Target{"segment", "TCP options and segments, however they are split", segment},
    Target{"dhcp", "DHCP messages and what they promise", dhcp},
    Target{"dns", "DNS names and answers", dns},
    Target{"tftp", "packets of a TFTP server, one after the other", tftp},
    Target{"bootargs", "the boot argument page", bootargs},
    Target{"line", "lines of wangdoodle, the console and the shell, numbers, addresses", line},
    Target{"frames", "any frames into a board, checksums right or not", frames},
    Target{"fragments", "datagrams in pieces: in any order, overlapping, cut short", fragments},
    Target{"connection", "segments, calls, time, lack of memory; several connections", connection},
    Target{"lease", "a DHCP server's answers, and time", lease},
    Target{"clients", "answers to the resolver, the TFTP client and ping", clients},
    Target{"shell", "what is typed at the shell of a simulated board", shell},
    Target{"broken", "a parser that is wrong on purpose", broken},
};

const Target* chosen = nullptr;
MissionBug planted = MissionBug::none;

[[noreturn]] void list() {
    for (const Target& target : kTargets) std::printf("%-12s %s\n", target.name, target.what);
    std::exit(0);
}

void read_argument(std::string_view argument) {
    constexpr std::string_view kTarget = "--target=";
    constexpr std::string_view kPlant = "--plant=";
    if (argument == "--list") list();
    if (argument.starts_with(kTarget)) {
        for (const Target& target : kTargets) {
            if (argument.substr(kTarget.size()) == target.name) chosen = &target;
        }
    }
    if (argument.starts_with(kPlant)) planted = mission_bug_named(argument.substr(kPlant.size()));
}

}  // namespace

PlantedBug planted_bug() { return PlantedBug{planted}; }

}  // namespace kyu::fuzz

// A stack is made and destroyed for each input: with a small quarantine it stays in the cache.
extern "C" const char* __asan_default_options();  // NOLINT: a name that the sanitizer looks for
extern "C" const char* __asan_default_options() {
    return "quarantine_size_mb=4:malloc_context_size=6:detect_leaks=0";
}

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv);
extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
    for (int i = 1; i < *argc; ++i) kyu::fuzz::read_argument((*argv)[i]);
    if (kyu::fuzz::chosen == nullptr) {
        std::fputs("usage: kyu_fuzz --target=NAME …; --list tells the names\n", stderr);
        std::exit(2);
    }
    return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    kyu::fuzz::chosen->run({data, size});
    return 0;
}
