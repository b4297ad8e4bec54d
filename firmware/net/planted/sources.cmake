# Planted bugs: sources, relative to firmware/net; built with KYU_DEFECTS only. clean_test.cpp is
# built always: it shows that the same loads break nothing when nothing is planted.
set(KYU_NET_PLANTED_SOURCES
    planted/buffers.cpp
    planted/locks.cpp
    planted/sockets.cpp)
set(KYU_NET_PLANTED_TESTS
    planted/clean_test.cpp)
