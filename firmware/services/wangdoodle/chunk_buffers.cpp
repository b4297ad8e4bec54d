#include "services/wangdoodle/chunk_buffers.hpp"

#include "base/check.hpp"

namespace kyu::wangdoodle {

ChunkBuffers::Loan::Loan(ChunkBuffers& owner, ThreadContext& self, Instant deadline)
    : owner_(owner), self_(self) {
    if (!owner_.free_count_.wait(self, deadline)) return;
    const IrqsOff off(self);
    for (index_ = 0; index_ < kCount && owner_.lent_[index_]; ++index_) {
    }
    CHECK(index_ < kCount);  // the semaphore counts them
    owner_.lent_[index_] = true;
}

ChunkBuffers::Loan::~Loan() {
    if (index_ == kCount) return;
    {
        const IrqsOff off(self_);
        owner_.lent_[index_] = false;
    }
    owner_.free_count_.signal(self_);
}

std::span<std::byte> ChunkBuffers::Loan::bytes() const {
    if (index_ == kCount) return {};
    return owner_.memory_[index_];
}

}  // namespace kyu::wangdoodle
