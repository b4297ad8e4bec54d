// Result: a value, or the reason why there is none.
//
// Rules     For failures that are expected (a full pool, a peer that resets, a short packet). The
//           error type is an enum whose every name is a counter or a message somewhere.
// Context   any; no allocation.
#pragma once

#include <new>
#include <type_traits>
#include <utility>

#include "base/check.hpp"

namespace kyu {

/// What an operation without a value returns when it succeeds.
struct Ok {};
inline constexpr Ok ok{};

template <typename T, typename E>
class [[nodiscard]] Result {
    static_assert(std::is_enum_v<E>, "an error is an enum: it must be countable");
    static_assert(!std::is_same_v<T, E>);

    union {
        T value_;
        E error_;
    };
    bool has_value_;

public:
    // Implicit: `return value;` and `return Error::name;` are how a Result is made.
    // NOLINTBEGIN(google-explicit-constructor)
    Result(T value) : value_(std::move(value)), has_value_(true) {}
    Result(E error) : error_(error), has_value_(false) {}
    // NOLINTEND(google-explicit-constructor)

    Result(Result&& other) noexcept : has_value_(other.has_value_) {
        if (has_value_) {
            ::new (static_cast<void*>(&value_)) T(std::move(other.value_));
        } else {
            ::new (static_cast<void*>(&error_)) E(other.error_);
        }
    }
    Result& operator=(Result&& other) noexcept {
        if (this != &other) {
            this->~Result();
            ::new (static_cast<void*>(this)) Result(std::move(other));
        }
        return *this;
    }
    Result(const Result&) = delete;
    Result& operator=(const Result&) = delete;
    ~Result() {
        if (has_value_) value_.~T();
    }

    [[nodiscard]] bool has_value() const { return has_value_; }
    explicit operator bool() const { return has_value_; }

    /// The value; asking a failure for it is a program error.
    [[nodiscard]] T& value() & {
        CHECK(has_value_);
        return value_;
    }
    [[nodiscard]] const T& value() const& {
        CHECK(has_value_);
        return value_;
    }
    [[nodiscard]] T value() && {
        CHECK(has_value_);
        return std::move(value_);
    }
    T& operator*() & { return value(); }
    const T& operator*() const& { return value(); }
    T operator*() && { return std::move(*this).value(); }
    T* operator->() { return &value(); }
    const T* operator->() const { return &value(); }

    /// The reason; asking a success for it is a program error.
    [[nodiscard]] E error() const {
        CHECK(!has_value_);
        return error_;
    }
};

template <typename E>
using Status = Result<Ok, E>;

}  // namespace kyu
