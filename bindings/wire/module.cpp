// kyusim._wire: the real wire, for the rig.
//
// Rules     Every call that may wait for the bridge's thread releases the interpreter's lock.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bindings/sim_module.hpp"
#include "bindings/wire/bridge.hpp"
#include "bindings/wire/recorder.hpp"

namespace kyu::bindings {
namespace {

using wire::Bridge;
using wire::Captured;
using wire::LaneCounters;
using wire::PipeRecorder;
using wire::TapRecorder;
using wire::Way;
using Unlocked = py::call_guard<py::gil_scoped_release>;

/// What the fate did, for people; empty: it passed as it was.
std::string told(const host::Fate& fate) {
    std::vector<std::string> words;
    if (fate.drop) return "dropped";
    if (fate.truncate_to >= 0) words.push_back("cut to " + std::to_string(fate.truncate_to));
    if (fate.corrupt_bit >= 0)
        words.push_back("bit " + std::to_string(fate.corrupt_bit) + " inverted");
    if (fate.duplicate) words.emplace_back("doubled");
    if (fate.delay > Duration{})
        words.push_back("delayed " + std::to_string(fate.delay.us()) + " us");
    std::string all;
    for (const std::string& word : words) all += (all.empty() ? "" : ", ") + word;
    return all;
}

void bind_counters(py::module_& m) {
    py::class_<LaneCounters>(m, "LaneCounters", "One direction, since the bridge began.")
        .def_readonly("frames", &LaneCounters::frames)
        .def_readonly("bytes", &LaneCounters::bytes)
        .def_readonly("delivered", &LaneCounters::delivered)
        .def_readonly("dropped", &LaneCounters::dropped)
        .def_readonly("duplicated", &LaneCounters::duplicated)
        .def_readonly("corrupted", &LaneCounters::corrupted)
        .def_readonly("truncated", &LaneCounters::truncated)
        .def_readonly("overflowed", &LaneCounters::overflowed)
        .def_readonly("refused", &LaneCounters::refused)
        .def_readonly("own_ns", &LaneCounters::own_ns);
}

void bind_captured(py::module_& m) {
    py::class_<Captured>(m, "Captured", "A frame that passed, or a mark between two.")
        .def_readonly("at_ns", &Captured::at)
        .def_readonly("to_board", &Captured::to_board)
        .def_readonly("mark", &Captured::mark)
        .def_readonly("length", &Captured::length)
        .def_property_readonly("data",
                               [](const Captured& c) {
                                   return py::bytes(reinterpret_cast<const char*>(c.bytes.data()),
                                                    c.bytes.size());
                               })
        .def_property_readonly("text",
                               [](const Captured& c) { return c.mark ? c.text : told(c.fate); });
}

std::array<std::byte, 6> mac_of(const py::bytes& bytes) {
    const std::string_view raw{bytes};
    std::array<std::byte, 6> mac{};
    if (raw.size() != mac.size()) throw std::invalid_argument("no MAC address");
    std::ranges::transform(raw, mac.begin(), [](char c) { return static_cast<std::byte>(c); });
    return mac;
}

void bind_recorders(py::module_& m) {
    py::class_<TapRecorder>(m, "TapRecorder", "The last frames of a network interface.")
        .def(py::init<const std::string&>(), py::arg("interface"))
        .def("stop", &TapRecorder::stop, Unlocked{}, "Ends the thread. May be called again.")
        .def("mark", &TapRecorder::mark, py::arg("text"), Unlocked{},
             "Puts a remark between the frames that are kept.")
        .def("captured", &TapRecorder::captured, Unlocked{},
             "The last frames and marks, oldest first.")
        .def_property_readonly("missed", &TapRecorder::missed, "Frames that found no room.");
    py::class_<PipeRecorder>(m, "PipeRecorder", "The last frames of what QEMU's filter-dump says.")
        .def(py::init([](int fd, const py::bytes& board, std::size_t keep) {
                 return std::make_unique<PipeRecorder>(fd, mac_of(board), keep);
             }),
             py::arg("fd"), py::arg("board_mac"), py::kw_only(),
             py::arg("keep_bytes") = std::size_t{16} << 20U)
        .def("stop", &PipeRecorder::stop, Unlocked{}, "Ends the thread. May be called again.")
        .def("mark", &PipeRecorder::mark, py::arg("text"), Unlocked{},
             "Puts a remark between the frames that are kept.")
        .def("captured", &PipeRecorder::captured, Unlocked{},
             "The last frames and marks, oldest first.")
        .def_property_readonly("missed", &PipeRecorder::missed, "Bytes that made no sense.");
}

}  // namespace
}  // namespace kyu::bindings

PYBIND11_MODULE(_wire, m) {
    using namespace kyu::bindings;
    m.doc() = "The wire between a host's TAP device and an emulated board; use rig.wire.";
    bind_fates(m);
    bind_counters(m);
    bind_captured(m);
    bind_recorders(m);
    py::enum_<Way>(m, "Way").value("to_board", Way::to_board).value("to_host", Way::to_host);
    py::class_<Bridge>(m, "Bridge", "Carries frames between two descriptors until stop().")
        .def(py::init<int, int, std::size_t, std::size_t>(), py::arg("host_fd"),
             py::arg("board_fd"), py::kw_only(), py::arg("keep_bytes") = std::size_t{16} << 20U,
             py::arg("snap_bytes") = std::size_t{65536})
        .def("stop", &Bridge::stop, Unlocked{}, "Ends the thread. May be called again.")
        .def("set", &Bridge::set, py::arg("way"), py::arg("plan"), py::arg("seed"), Unlocked{},
             "From now on frames that go this way have fates of this plan.")
        .def("clear", &Bridge::clear, py::arg("way"), Unlocked{}, "From now on they pass.")
        .def("cut", &Bridge::cut, py::arg("way"), py::arg("is_cut"), Unlocked{},
             "While cut, everything that goes this way is dropped.")
        .def("mark", &Bridge::mark, py::arg("text"), Unlocked{},
             "Puts a remark between the frames that are kept.")
        .def("counters", &Bridge::counters, py::arg("way"), Unlocked{})
        .def("captured", &Bridge::captured, Unlocked{}, "The last frames and marks, oldest first.")
        .def("forget", &Bridge::forget, Unlocked{}, "Lets go of what was captured.")
        .def_property_readonly("forgotten", &Bridge::forgotten, "Entries that had to go.")
        .def_property_readonly("error", &Bridge::error,
                               "Why it ended by itself; empty while it runs.")
        .def_static("now_ns", &Bridge::now, "The bridge's clock.");
}
