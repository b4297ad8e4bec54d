// Names for clang's thread-safety attributes (preset `tsa`); empty for other compilers.
#pragma once

#if defined(__clang__)
#define KYU_TSA(x) __attribute__((x))
#else
#define KYU_TSA(x)
#endif

#define KYU_CAPABILITY(name) KYU_TSA(capability(name))
#define KYU_SCOPED_CAPABILITY KYU_TSA(scoped_lockable)
#define KYU_GUARDED_BY(lock) KYU_TSA(guarded_by(lock))
#define KYU_REQUIRES(...) KYU_TSA(requires_capability(__VA_ARGS__))
#define KYU_EXCLUDES(...) KYU_TSA(locks_excluded(__VA_ARGS__))
#define KYU_ACQUIRE(...) KYU_TSA(acquire_capability(__VA_ARGS__))
#define KYU_TRY_ACQUIRE(...) KYU_TSA(try_acquire_capability(__VA_ARGS__))
#define KYU_RELEASE(...) KYU_TSA(release_capability(__VA_ARGS__))
#define KYU_NO_ANALYSIS KYU_TSA(no_thread_safety_analysis)
