// The parts of kyusim._sim and kyusim._planted.
//
// Rules     Both modules are made of the same sources and live in one process: every class is
//           module_local. Errors of the caller are ValueError, said before anything is changed.
#pragma once

#include <pybind11/pybind11.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "base/time.hpp"
#include "net/ip_address.hpp"

namespace kyu::bindings {

namespace py = pybind11;

/// FatePlan, Fate, Fates.
void bind_fates(py::module_& m);
/// Choices (schedules).
void bind_schedule(py::module_& m);
/// World, Board, Endpoint, Task.
void bind_world(py::module_& m);

/// ValueError: not "10.0.0.1".
[[nodiscard]] net::Ipv4 ipv4_of(const std::string& text);

[[nodiscard]] inline Instant instant_of(std::int64_t us) { return Instant::from_us(us); }
[[nodiscard]] inline Duration duration_of(std::int64_t us) { return Duration::from_us(us); }

}  // namespace kyu::bindings
