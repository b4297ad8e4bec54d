// kyusim.native: the byte streams of wangdoodle, from the firmware's own header, and the transfer
// that compares them.
//
// Rules     Nothing is computed here that the firmware computes otherwise. The interpreter's lock
//           is released while many bytes are made or compared, and while a transfer waits.
#include <arpa/inet.h>
#include <pybind11/native_enum.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>

#include "bindings/fetch.hpp"
#include "bindings/unlocked.hpp"
#include "services/wangdoodle/pattern.hpp"

namespace py = pybind11;
using namespace kyu::wangdoodle;
using kyu::bindings::Unlocked;

namespace {

constexpr std::size_t kPieceMax = std::size_t{1} << 30U;

// A bytes object of `size` bytes that is about to be filled.
py::bytes fresh_bytes(std::size_t size) {
    PyObject* raw = PyBytes_FromStringAndSize(nullptr, static_cast<Py_ssize_t>(size));
    if (raw == nullptr) throw py::error_already_set();
    return py::reinterpret_steal<py::bytes>(raw);
}

std::span<std::byte> writable(const py::bytes& bytes) {
    return {reinterpret_cast<std::byte*>(PyBytes_AS_STRING(bytes.ptr())),
            static_cast<std::size_t>(PyBytes_GET_SIZE(bytes.ptr()))};
}

py::bytes big_pattern() {
    py::bytes result = fresh_bytes(kBigBytes);
    fill_big(writable(result).first<kBigBytes>());
    return result;
}

py::bytes gen_stream(std::uint64_t seed, std::uint64_t offset, std::size_t length) {
    if (length > kPieceMax) throw std::invalid_argument("length is over 1 GiB: ask for pieces");
    py::bytes result = fresh_bytes(length);
    const std::span<std::byte> into = writable(result);
    const Unlocked unlocked;
    GenStream{seed}.fill(offset, into);
    return result;
}

std::span<const std::byte> readable(const py::buffer_info& info) {
    if (info.ndim != 1 || info.strides[0] != info.itemsize) {
        throw std::invalid_argument("a contiguous buffer of one dimension is needed");
    }
    return {static_cast<const std::byte*>(info.ptr),
            static_cast<std::size_t>(info.size * info.itemsize)};
}

std::int64_t first_difference(const py::buffer& a, const py::buffer& b) {
    const py::buffer_info held_a = a.request();
    const py::buffer_info held_b = b.request();
    const std::span<const std::byte> left = readable(held_a);
    const std::span<const std::byte> right = readable(held_b);
    const Unlocked unlocked;
    const auto [at, other] = std::mismatch(left.begin(), left.end(), right.begin(), right.end());
    if (at == left.end() && other == right.end()) return -1;
    return at - left.begin();
}

using kyu::client::Fetch;
using kyu::client::Step;
using kyu::client::Wish;

std::unique_ptr<Fetch> make_fetch(const std::string& host, std::uint16_t port, std::string command,
                                  std::optional<std::uint64_t> seed, std::uint64_t size, int window,
                                  bool half_close, bool until_close, double quiet_s) {
    Wish wish{.board = {},
              .command = std::move(command),
              .seed = seed,
              .size = size,
              .window = window,
              .half_close = half_close,
              .until_close = until_close,
              .quiet_s = quiet_s};
    wish.board.sin_family = AF_INET;
    wish.board.sin_port = htons(port);
    if (inet_pton(AF_INET, host.c_str(), &wish.board.sin_addr) != 1) {
        throw std::invalid_argument("host: an IPv4 address is needed");
    }
    if (!seed && size > kBigBytes) throw std::invalid_argument("size: big has 200,000 bytes");
    return std::make_unique<Fetch>(std::move(wish));
}

void bind_fetch(py::module_& m) {
    py::native_enum<Step>(m, "Step", "enum.Enum", "Why Fetch.go() came back.")
        .value("CONNECTING", Step::kConnecting)
        .value("WAITING", Step::kWaiting)
        .value("CLOSING", Step::kClosing)
        .value("PAUSED", Step::kPaused)
        .value("DONE", Step::kDone)
        .value("EARLY", Step::kEarly)
        .value("WRONG", Step::kWrong)
        .value("EXTRA", Step::kExtra)
        .value("UNREACHED", Step::kUnreached)
        .value("BROKEN", Step::kBroken)
        .finalize();
    py::class_<Fetch>(m, "Fetch", "One transfer from a board, each byte compared.")
        .def(py::init(&make_fetch), py::arg("host"), py::arg("port"), py::arg("command"),
             py::kw_only(), py::arg("seed"), py::arg("size"), py::arg("window") = 0,
             py::arg("half_close") = false, py::arg("until_close") = true,
             py::arg("quiet_s") = 0.25)
        .def("go", &Fetch::go, py::arg("most"), py::call_guard<Unlocked>())
        .def("close", &Fetch::close, py::arg("reset") = false)
        .def_property_readonly("received", &Fetch::received)
        .def_property_readonly("at", &Fetch::at)
        .def_property_readonly("found", [](const Fetch& self) { return py::bytes(self.found()); })
        .def_property_readonly("error", &Fetch::error)
        .def_property_readonly("port", &Fetch::port);
}

}  // namespace

PYBIND11_MODULE(native, m) {
    m.doc() = "The byte streams of wangdoodle, made by the firmware's own header.";
    m.attr("BIG_BYTES") = kBigBytes;
    m.def("big_pattern", &big_pattern, "The 200,000 bytes that `big` sends.");
    m.def("gen_stream", &gen_stream, py::arg("seed"), py::arg("offset"), py::arg("length"),
          "Bytes offset .. offset+length of the stream of `gen SEED`.");
    m.def("first_difference", &first_difference, py::arg("a"), py::arg("b"),
          "Offset of the first byte in which two buffers differ (the shorter one's length when "
          "one begins with the other), -1 when they are equal.");
    bind_fetch(m);
}
