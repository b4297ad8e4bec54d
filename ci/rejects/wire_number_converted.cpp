// expect: (cannot convert|no viable conversion|could not convert)
// A number in network order is not a number: host() says that it has been read.
#include "base/endian.hpp"

namespace kyu {

std::uint16_t length(Be16 field) {
#ifdef KYU_REJECT
    return field;
#else
    return field.host();
#endif
}

}  // namespace kyu
