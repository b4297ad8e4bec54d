// bind_schedule(): puts Choices and ChoiceRates into a module.
#pragma once

#include <pybind11/pybind11.h>

namespace kyu::bindings {

void bind_schedule(pybind11::module_& m);

}  // namespace kyu::bindings
