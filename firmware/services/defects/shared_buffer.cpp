// shared-buffer: `big` as the original sent it, chunk after chunk out of one buffer for everybody.
//
// Why       A connection's state is on its thread's stack here, and `big` is a table that nobody
//           writes. This buffer belongs to the server: while one connection waits for room, another
//           fills it anew, and the first goes on with the other's chunk.
// Context   the thread that serves the connection.
#include <span>

#include "services/defects/planted.hpp"
#include "services/wangdoodle/talk.hpp"

namespace kyu::defects {

bool Planted::send_big_from_shared_buffer(ThreadContext& self, net::TcpSocket& client) {
    for (std::size_t i = 0; i < wangdoodle::kBigChunks; ++i) {
        wangdoodle::fill_big_chunk(shared_chunk_, i);
        if (!wangdoodle::send_all(self, client, shared_chunk_)) return false;
    }
    return true;
}

}  // namespace kyu::defects
