// FatePlan, Fate, Fates for Python: what a wire does to frames (port/host/fates.hpp).
#include <pybind11/operators.h>
#include <pybind11/stl.h>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "bindings/sim_module.hpp"
#include "port/host/fates.hpp"

namespace kyu::bindings {
namespace {

using host::Chance;
using host::Fate;
using host::FatePlan;
using host::Fates;
using Flaps = std::vector<std::pair<std::int64_t, std::int64_t>>;

Chance chance_of(double value, const char* name) {
    if (!(value >= 0.0 && value <= 1.0)) {
        throw std::invalid_argument(std::string{name} +
                                    " is no chance (0.0 to 1.0): " + std::to_string(value));
    }
    return Chance::of(value);
}

Duration time_of(std::int64_t us, const char* name) {
    if (us < 0) throw std::invalid_argument(std::string{name} + " is negative");
    return Duration::from_us(us);
}

std::vector<host::Flap> flaps_of(const Flaps& flaps) {
    std::vector<host::Flap> made;
    for (const auto& [down, up] : flaps) {
        if (down < 0 || up <= down) throw std::invalid_argument("a flap ends before it begins");
        made.push_back({Instant::from_us(down), Instant::from_us(up)});
    }
    return made;
}

Flaps flaps_to_python(const FatePlan& plan) {
    Flaps made;
    for (const host::Flap& flap : plan.flaps) made.emplace_back(flap.down_at.us(), flap.up_at.us());
    return made;
}

FatePlan make_plan(std::int64_t delay_us, std::int64_t jitter_us, std::uint64_t rate_bytes_per_s,
                   double loss, double burst_start, double burst_end, double duplicate,
                   double reorder, double corrupt, double truncate, const Flaps& flaps) {
    return {.delay = time_of(delay_us, "delay_us"),
            .jitter = time_of(jitter_us, "jitter_us"),
            .rate_bytes_per_s = rate_bytes_per_s,
            .loss = chance_of(loss, "loss"),
            .burst_start = chance_of(burst_start, "burst_start"),
            .burst_end = chance_of(burst_end, "burst_end"),
            .duplicate = chance_of(duplicate, "duplicate"),
            .reorder = chance_of(reorder, "reorder"),
            .corrupt = chance_of(corrupt, "corrupt"),
            .truncate = chance_of(truncate, "truncate"),
            .flaps = flaps_of(flaps)};
}

void bind_plan(py::module_& m) {
    // One property a chance; the value comes back as it is kept, in parts of 2^32.
    const auto chance = [](Chance FatePlan::* member) {
        return [member](const FatePlan& plan) { return (plan.*member).value(); };
    };
    py::class_<FatePlan>(m, "FatePlan", py::module_local(),
                         "What a wire does to frames, as chances (0.0 to 1.0) and times.")
        .def(py::init(&make_plan), py::kw_only(), py::arg("delay_us") = 0, py::arg("jitter_us") = 0,
             py::arg("rate_bytes_per_s") = 0, py::arg("loss") = 0.0, py::arg("burst_start") = 0.0,
             py::arg("burst_end") = 0.0, py::arg("duplicate") = 0.0, py::arg("reorder") = 0.0,
             py::arg("corrupt") = 0.0, py::arg("truncate") = 0.0, py::arg("flaps") = py::tuple())
        .def_property_readonly("delay_us", [](const FatePlan& p) { return p.delay.us(); })
        .def_property_readonly("jitter_us", [](const FatePlan& p) { return p.jitter.us(); })
        .def_readonly("rate_bytes_per_s", &FatePlan::rate_bytes_per_s)
        .def_property_readonly("loss", chance(&FatePlan::loss))
        .def_property_readonly("burst_start", chance(&FatePlan::burst_start))
        .def_property_readonly("burst_end", chance(&FatePlan::burst_end))
        .def_property_readonly("duplicate", chance(&FatePlan::duplicate))
        .def_property_readonly("reorder", chance(&FatePlan::reorder))
        .def_property_readonly("corrupt", chance(&FatePlan::corrupt))
        .def_property_readonly("truncate", chance(&FatePlan::truncate))
        .def_property_readonly("flaps", &flaps_to_python);
}

Fate make_fate(bool drop, std::int64_t delay_us, std::int32_t corrupt_bit, std::int32_t truncate_to,
               bool duplicate, std::int64_t duplicate_delay_us) {
    return {.drop = drop,
            .delay = time_of(delay_us, "delay_us"),
            .corrupt_bit = corrupt_bit,
            .truncate_to = truncate_to,
            .duplicate = duplicate,
            .duplicate_delay = time_of(duplicate_delay_us, "duplicate_delay_us")};
}

std::string fate_text(const Fate& fate) {
    std::string text = "Fate(delay_us=" + std::to_string(fate.delay.us());
    if (fate.drop) text += ", drop=True";
    if (fate.corrupt_bit >= 0) text += ", corrupt_bit=" + std::to_string(fate.corrupt_bit);
    if (fate.truncate_to >= 0) text += ", truncate_to=" + std::to_string(fate.truncate_to);
    if (fate.duplicate) {
        text += ", duplicate=True, duplicate_delay_us=" + std::to_string(fate.duplicate_delay.us());
    }
    return text + ")";
}

void bind_fate(py::module_& m) {
    py::class_<Fate>(m, "Fate", py::module_local(), "What becomes of one frame.")
        .def(py::init(&make_fate), py::kw_only(), py::arg("drop") = false, py::arg("delay_us") = 0,
             py::arg("corrupt_bit") = -1, py::arg("truncate_to") = -1, py::arg("duplicate") = false,
             py::arg("duplicate_delay_us") = 0)
        .def_readonly("drop", &Fate::drop)
        .def_property_readonly("delay_us", [](const Fate& f) { return f.delay.us(); })
        .def_readonly("corrupt_bit", &Fate::corrupt_bit)
        .def_readonly("truncate_to", &Fate::truncate_to)
        .def_readonly("duplicate", &Fate::duplicate)
        .def_property_readonly("duplicate_delay_us",
                               [](const Fate& f) { return f.duplicate_delay.us(); })
        .def(
            "__eq__", [](const Fate& a, const Fate& b) { return a == b; }, py::is_operator())
        .def("__repr__", &fate_text);
}

Fates recording(Fates fates) {
    fates.record(true);
    return fates;
}

}  // namespace

void bind_fates(py::module_& m) {
    bind_plan(m);
    bind_fate(m);
    py::class_<Fates>(m, "Fates", py::module_local(),
                      "The fates of all frames in one direction of a wire.")
        .def_static(
            "from_seed",
            [](const FatePlan& plan, std::uint64_t seed) {
                return recording(Fates::from_seed(plan, seed));
            },
            py::arg("plan"), py::arg("seed"), "Drawn from a seed, as they are asked for.")
        .def_static(
            "given",
            [](std::vector<Fate> fates, const FatePlan& plan) {
                return recording(Fates::given(std::move(fates), plan));
            },
            py::arg("fates"), py::arg("plan") = FatePlan{},
            "These, one a frame; afterwards only the plan's delay.")
        .def("recorded", &Fates::recorded, "What next() has said so far.")
        .def(
            "next",
            [](Fates& fates, std::size_t frame_bytes, std::int64_t now_us) {
                return fates.next(frame_bytes, Instant::from_us(now_us));
            },
            py::arg("frame_bytes"), py::arg("now_us"), "The fate of the next frame.");
}

}  // namespace kyu::bindings
