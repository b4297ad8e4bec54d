# Sockets: sources and tests, relative to firmware/net.
set(KYU_NET_SOCKET_SOURCES
    socket/api.cpp
    socket/calls.cpp
    socket/options.cpp
    socket/poll.cpp
    socket/show.cpp
    socket/sockbuf.cpp
    socket/socket.cpp)
# Run for every segment, or for every call that moves bytes.
set(KYU_NET_SOCKET_HOT
    socket/calls.cpp
    socket/sockbuf.cpp)
set(KYU_NET_SOCKET_TESTS
    socket/blocking_points_test.cpp
    socket/calls_test.cpp
    socket/nth_allocation_test.cpp
    socket/options_test.cpp
    socket/poll_test.cpp
    socket/sockbuf_test.cpp
    socket/stress_test.cpp
    socket/transfer_test.cpp)
