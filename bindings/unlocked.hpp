// Unlocked: a stretch without the interpreter's lock, for threads that may outlive the interpreter.
//
// Rules     As py::gil_scoped_release, but for the end. Before 3.14 CPython ends a thread that asks
//           for the lock of an interpreter that goes away by pthread_exit(), which unwinds the
//           stack: out of a destructor that is the end of the process, by SIGABRT. Here such a
//           thread sleeps until the process has ended, as it does from 3.14 on.
// Context   a thread that holds the lock.
#pragma once

#include <pybind11/pybind11.h>
#include <unistd.h>

namespace kyu::bindings {

class Unlocked {
    PyThreadState* thread_ = PyEval_SaveThread();

public:
    Unlocked() = default;
    Unlocked(const Unlocked&) = delete;
    Unlocked& operator=(const Unlocked&) = delete;
    ~Unlocked() {
        try {
            PyEval_RestoreThread(thread_);
        } catch (...) {  // C throws nothing: it is pthread_exit()
            while (true) pause();
        }
    }
};

}  // namespace kyu::bindings
