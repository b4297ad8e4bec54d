# Sockets: sources and tests, relative to firmware/net.
set(KYU_NET_SOCKET_SOURCES
    socket/api.cpp
    socket/calls.cpp
    socket/sockbuf.cpp
    socket/socket.cpp)
set(KYU_NET_SOCKET_TESTS
    socket/calls_test.cpp
    socket/sockbuf_test.cpp
    socket/transfer_test.cpp)
