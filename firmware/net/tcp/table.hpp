// TupleTable: finds a record by its four-tuple.
//
// Ownership the table owns nothing; a record leaves it before it dies.
// Lock      the network lock. Chains are short because the hash is keyed: a stranger cannot aim.
// Rules     T has members `FourTuple tuple` and `T* hash_next`.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/check.hpp"
#include "net/ip_address.hpp"

namespace kyu::net {

template <typename T, std::size_t Buckets>
class TupleTable {
    static_assert(Buckets > 1 && (Buckets & (Buckets - 1)) == 0);
    std::array<T*, Buckets> heads_{};
    std::uint64_t key_;
    std::size_t size_{0};

    [[nodiscard]] std::size_t bucket_of(const FourTuple& t) const {
        // Two rounds of multiply and fold with a secret; cheap, and not to be steered from outside.
        std::uint64_t h = (std::uint64_t{t.remote.address.host} << 32U) | t.local.address.host;
        h = (h ^ key_) * 0x9E37'79B9'7F4A'7C15U;
        h ^= (std::uint64_t{t.remote.port} << 16U) | t.local.port;
        h = (h ^ (h >> 29U) ^ (key_ >> 7U)) * 0xBF58'476D'1CE4'E5B9U;
        return static_cast<std::size_t>(h >> 40U) & (Buckets - 1);
    }

public:
    explicit TupleTable(std::uint64_t key) : key_(key) {}
    TupleTable(const TupleTable&) = delete;
    TupleTable& operator=(const TupleTable&) = delete;

    [[nodiscard]] T* find(const FourTuple& tuple) const {
        T* at = heads_[bucket_of(tuple)];
        while (at != nullptr && at->tuple != tuple) at = at->hash_next;
        return at;
    }
    void insert(T& record) {
        T*& head = heads_[bucket_of(record.tuple)];
        record.hash_next = head;
        head = &record;
        ++size_;
    }
    /// `record` is in the table.
    void remove(T& record) {
        T** at = &heads_[bucket_of(record.tuple)];
        while (*at != &record) {
            CHECK(*at != nullptr);
            at = &(*at)->hash_next;
        }
        *at = record.hash_next;
        record.hash_next = nullptr;
        --size_;
    }
    [[nodiscard]] std::size_t size() const { return size_; }
    /// Calls f(T&) for every record; f may remove that record and no other.
    template <typename F>
    void for_each(F&& f) {
        for (T* head : heads_) {
            for (T* at = head; at != nullptr;) {
                T* next = at->hash_next;
                f(*at);
                at = next;
            }
        }
    }
};

}  // namespace kyu::net
