// From Python's tuples to the steps of a program.
#pragma once

#include <pybind11/pybind11.h>

#include <memory>

#include "bindings/client_task.hpp"

namespace kyu::bindings {

/// More for `task` to do. ValueError or TypeError: not a list of steps; says which one and why, and
/// adds none.
void add_steps(ClientTask& task, const pybind11::sequence& steps);

/// Binds Task, what Board.program() and Board.fetch_big() return.
void bind_task(pybind11::module_& m);

}  // namespace kyu::bindings
