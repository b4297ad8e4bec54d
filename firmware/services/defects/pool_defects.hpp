// Two mistakes with a pool's memory, made on purpose: an overrun, a use after free.
//
// Rules     Only in builds with KYU_DEFECTS. Both stop the machine (kind check): the pool that they
//           spoil is their own, called "planted", and is guarded in every such build.
// Context   any; no lock, since nobody else uses that pool.
#pragma once

namespace kyu::defects {

/// Writes one byte beyond the end of an object and gives the object back.
[[gnu::noinline]] void overrun_pool_object();

/// Writes into an object that was given back, and has the pool lend it again.
[[gnu::noinline]] void use_after_free();

}  // namespace kyu::defects
