# TCP: sources and tests, relative to firmware/net.
set(KYU_NET_TCP_SOURCES
    tcp/congestion.cpp
    tcp/connection.cpp
    tcp/counters.cpp
    tcp/input.cpp
    tcp/input_steps.cpp
    tcp/input_text.cpp
    tcp/output.cpp
    tcp/show.cpp
    tcp/reassembly.cpp
    tcp/segment.cpp
    tcp/syn_cache.cpp
    tcp/timers.cpp
    tcp/usrreq.cpp)
set(KYU_NET_TCP_TESTS)
