// port::lookup on the host: the program's own symbols, as far as the dynamic linker knows them.
#include <cxxabi.h>
#include <dlfcn.h>

#include <cstdlib>
#include <string>

#include "kernel/port.hpp"

namespace kyu::port {
namespace {

/// "kyu::net::tcp_input(kyu::net::LockedNet&, …)" -> "tcp_input"; "kyu::Mutex::lock(…)" ->
/// "Mutex::lock": the same short names as the symbol table of the board's image.
std::string short_name(std::string name) {
    name = name.substr(0, name.find('('));
    name = name.substr(0, name.find('<'));
    for (const char* space : {"kyu::", "net::", "host::", "port::"}) {
        const std::string prefix{space};
        if (name.rfind(prefix, 0) == 0) name.erase(0, prefix.size());
    }
    return name;
}

}  // namespace

Symbol lookup(std::uintptr_t pc) {
    Dl_info info{};
    if (dladdr(reinterpret_cast<void*>(pc), &info) == 0 || info.dli_sname == nullptr) return {};
    thread_local std::string name;
    int status = 0;
    char* plain = abi::__cxa_demangle(info.dli_sname, nullptr, nullptr, &status);
    name = short_name(status == 0 && plain != nullptr ? plain : info.dli_sname);
    std::free(plain);
    return {name, pc - reinterpret_cast<std::uintptr_t>(info.dli_saddr)};
}

}  // namespace kyu::port
