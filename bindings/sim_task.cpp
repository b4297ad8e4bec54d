// Steps and tasks for Python.
//
// Rules     A program is checked whole before its thread starts.
#include "bindings/sim_task.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "bindings/sim_module.hpp"

namespace kyu::bindings {
namespace {

using Kind = Step::Kind;

constexpr std::array kKinds{Kind::connect, Kind::listen,   Kind::accept,   Kind::send,
                            Kind::recv,    Kind::recv_all, Kind::shutdown, Kind::close,
                            Kind::abort,   Kind::sleep,    Kind::join,     Kind::panic};

std::optional<Kind> kind_of(const std::string& name) {
    for (const Kind kind : kKinds) {
        if (name == to_text(kind)) return kind;
    }
    return std::nullopt;
}

std::size_t arguments_of(Kind kind) {
    switch (kind) {
        case Kind::connect: return 2;
        case Kind::listen:
        case Kind::send:
        case Kind::recv:
        case Kind::sleep:
        case Kind::join:
        case Kind::panic: return 1;
        default: return 0;
    }
}

std::uint16_t port_of(const py::handle& value) {
    const auto port = value.cast<std::int64_t>();
    if (port < 1 || port > 65535) {
        throw std::invalid_argument("no TCP port: " + std::to_string(port));
    }
    return static_cast<std::uint16_t>(port);
}

std::uint64_t amount_of(const py::handle& value) {
    const auto amount = value.cast<std::int64_t>();
    if (amount < 0) throw std::invalid_argument("less than nothing: " + std::to_string(amount));
    return static_cast<std::uint64_t>(amount);
}

Step step_of(const py::tuple& words) {
    if (words.empty()) throw std::invalid_argument("a step without a name");
    const auto name = words[0].cast<std::string>();
    const auto kind = kind_of(name);
    if (!kind) throw std::invalid_argument("no such step: " + name);
    if (words.size() != arguments_of(*kind) + 1) {
        throw std::invalid_argument(name + " takes " + std::to_string(arguments_of(*kind)) +
                                    " arguments");
    }
    Step step{.kind = *kind};
    switch (*kind) {
        case Kind::connect:
            step.remote = {ipv4_of(words[1].cast<std::string>()), port_of(words[2])};
            break;
        case Kind::join: step.remote.address = ipv4_of(words[1].cast<std::string>()); break;
        case Kind::listen: step.remote.port = port_of(words[1]); break;
        case Kind::send:
            if (!py::isinstance<py::bytes>(words[1])) throw py::type_error("send takes bytes");
            step.data = words[1].cast<std::string>();
            break;
        case Kind::panic: step.data = words[1].cast<std::string>(); break;
        case Kind::recv:
        case Kind::sleep: step.number = amount_of(words[1]); break;
        default: break;
    }
    return step;
}

}  // namespace

void add_steps(ClientTask& task, const py::sequence& steps) {
    std::vector<Step> made;
    for (const py::handle each : steps) {
        try {
            made.push_back(step_of(each.cast<py::tuple>()));
        } catch (const py::cast_error&) {
            throw py::type_error("step " + std::to_string(made.size()) +
                                 " makes no sense: " + py::repr(each).cast<std::string>());
        }
    }
    task.steps.insert(task.steps.end(), made.begin(), made.end());
}

void bind_task(py::module_& m) {
    py::class_<ClientTask, std::shared_ptr<ClientTask>>(
        m, "Task", py::module_local(), "A program that runs as a thread of a board.")
        .def_property_readonly("done", [](const ClientTask& task) { return task.done; })
        .def_property_readonly("error", [](const ClientTask& task) { return task.error; })
        .def_property_readonly("received",
                               [](const ClientTask& task) { return py::bytes(task.received); })
        .def(
            "take",
            [](ClientTask& task) {
                const py::bytes taken{task.received};
                task.received.clear();
                return taken;
            },
            "What has been received since the last time; `received` forgets it.")
        .def("then", &add_steps, py::arg("steps"), "More for a program that is open.")
        .def(
            "end", [](ClientTask& task) { task.open = false; }, "It ends with its last step.")
        .def_property_readonly("step", [](const ClientTask& task) { return task.step; })
        .def_property_readonly("transfers", [](const ClientTask& task) { return task.transfers; })
        .def_property_readonly("bytes", [](const ClientTask& task) { return task.bytes; })
        .def_property_readonly("finished_us",
                               [](const ClientTask& task) { return task.finished.us(); });
}

}  // namespace kyu::bindings
