// Choices for Python: how schedules are explored and replayed (port/host/schedule.hpp).
#include "bindings/sim_schedule.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "port/host/schedule.hpp"

namespace py = pybind11;

namespace kyu::bindings {
namespace {

using host::ChoiceRates;
using host::Choices;

ChoiceRates rates(std::uint32_t point, std::uint32_t turn, std::uint32_t preempt,
                  std::uint32_t time, std::uint32_t time_max, std::uint32_t spurious,
                  std::uint32_t allocation) {
    return {.point = point,
            .turn = turn,
            .preempt = preempt,
            .time = time,
            .time_max = time_max,
            .spurious = spurious,
            .allocation = allocation};
}

Choices replay(const std::string& text) {
    auto deviations = host::parse_deviations(text);
    if (!deviations) throw py::value_error("not a list of choices: " + text.substr(0, 80));
    return Choices::replay(std::move(*deviations));
}

}  // namespace

void bind_schedule(py::module_& m) {
    py::class_<ChoiceRates>(m, "ChoiceRates", py::module_local(),
                            "How often a choice departs: once in so many.")
        .def(py::init(&rates), py::kw_only(), py::arg("point") = 20, py::arg("turn") = 4,
             py::arg("preempt") = 8, py::arg("time") = 30, py::arg("time_max") = 10,
             py::arg("spurious") = 50, py::arg("allocation") = 0);
    py::class_<Choices>(m, "Choices", py::module_local(),
                        "Every departure from the board's own schedule.")
        .def_static("random", &Choices::random, py::arg("seed"), py::arg("rates") = ChoiceRates{})
        .def_static("pct", &Choices::pct, py::arg("seed"), py::arg("depth"), py::arg("points"),
                    py::arg("rates") = ChoiceRates{})
        .def_static("round_robin", &Choices::round_robin, py::arg("slice") = 1)
        .def_static("replay", &replay, py::arg("text"))
        .def_property_readonly("count", &Choices::count)
        .def_property_readonly("diverged", &Choices::diverged)
        .def_property_readonly("text",
                               [](const Choices& self) { return host::to_text(self.recorded()); });
}

}  // namespace kyu::bindings
