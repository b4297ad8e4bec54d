// The module itself: kyusim._sim, or kyusim._planted when KYU_DEFECTS is defined.
//
// Context   import, once a process.
#include "bindings/sim_module.hpp"

#include <cstdio>
#include <stdexcept>

#include "base/mission_bug.hpp"

#ifndef KYU_MODULE
#error "KYU_MODULE is _sim or _planted"
#endif

namespace kyu::bindings {

net::Ipv4 ipv4_of(const std::string& text) {
    unsigned part[4] = {256, 256, 256, 256};
    char rest = 0;
    const int found = std::sscanf(text.c_str(), "%3u.%3u.%3u.%3u%c", &part[0], &part[1], &part[2],
                                  &part[3], &rest);
    for (const unsigned byte : part) {
        if (found != 4 || byte > 255) throw std::invalid_argument("no IPv4 address: " + text);
    }
    return net::Ipv4{static_cast<std::uint8_t>(part[0]), static_cast<std::uint8_t>(part[1]),
                     static_cast<std::uint8_t>(part[2]), static_cast<std::uint8_t>(part[3])};
}

}  // namespace kyu::bindings

PYBIND11_MODULE(KYU_MODULE, m) {
    using namespace kyu;
    namespace py = pybind11;
    m.doc() = "The simulator's compiled part; use it through kyusim.World.";
    m.attr("PLANTED") = kMissionBugs;
    py::list names;
    if (kMissionBugs) {
        for (const MissionBugName& row : kMissionBugNames) {
            names.append(py::str(row.name.data(), row.name.size()));
        }
    }
    m.attr("MISSION_BUGS") = py::tuple(names);
    bindings::bind_fates(m);
    bindings::bind_schedule(m);
    bindings::bind_world(m);
}
