// ServicesView: what the shell and the self tests may know of the services.
//
// Ownership refers to objects that live as long as the board; each may be missing (nullptr).
#pragma once

#include <span>

#include "services/classic/classic.hpp"

namespace kyu {

class TcpServerBase;
struct IperfServer;
namespace wangdoodle {
class ChunkBuffers;
class Wangdoodle;
}  // namespace wangdoodle

struct ServicesView {
    std::span<TcpServerBase* const> servers{};
    const wangdoodle::Wangdoodle* wang{nullptr};
    wangdoodle::ChunkBuffers* chunks{nullptr};
    const classic::ByteCount* doney_bytes{nullptr};
    const IperfServer* iperf{nullptr};
};

}  // namespace kyu
