// For tests only: TFTP packets as a server sends them.
#pragma once

#include <string>

#include "net/frames_test_support.hpp"

namespace kyu::net::test {

inline Bytes tftp_words(unsigned opcode, const std::vector<std::string>& words) {
    Bytes p(2);
    put16(p, 0, opcode);
    for (const std::string& w : words) {
        p.insert(p.end(), w.begin(), w.end());
        p.push_back(0);
    }
    return p;
}
inline Bytes tftp_request(const std::string& name) {
    return tftp_words(1, {name, "octet", "blksize", "1468", "tsize", "0"});
}
inline Bytes tftp_options(const std::vector<std::string>& options) {
    return tftp_words(6, options);
}
inline Bytes tftp_numbered(unsigned opcode, unsigned number, const Bytes& rest) {
    Bytes p(4);
    put16(p, 0, opcode);
    put16(p, 2, number);
    return joined(std::move(p), rest);
}
inline Bytes tftp_data(unsigned block, const Bytes& bytes) {
    return tftp_numbered(3, block, bytes);
}
inline Bytes tftp_ack(unsigned block) { return tftp_numbered(4, block, {}); }
inline Bytes tftp_error(unsigned code, const std::string& text) {
    Bytes rest(text.begin(), text.end());
    rest.push_back(0);
    return tftp_numbered(5, code, rest);
}

}  // namespace kyu::net::test
