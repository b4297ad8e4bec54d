// kyusim.native: the byte streams of wangdoodle, from the firmware's own header.
//
// Rules     Nothing is computed here that the firmware computes otherwise. The interpreter's lock
//           is released while many bytes are made or compared.
#include <pybind11/pybind11.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>

#include "services/wangdoodle/pattern.hpp"

namespace py = pybind11;
using namespace kyu::wangdoodle;

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
    const py::gil_scoped_release unlocked;
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
    const py::gil_scoped_release unlocked;
    const auto [at, other] = std::mismatch(left.begin(), left.end(), right.begin(), right.end());
    if (at == left.end() && other == right.end()) return -1;
    return at - left.begin();
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
}
