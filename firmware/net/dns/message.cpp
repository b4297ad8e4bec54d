// DNS messages, in and out.
//
// Context   any. Pure.
#include "net/dns/message.hpp"

#include <algorithm>
#include <optional>

#include "base/endian.hpp"
#include "net/wire/view.hpp"

namespace kyu::net {

namespace {

struct Header {
    static constexpr std::uint16_t kResponse = 0x8000;
    static constexpr std::uint16_t kOpcode = 0x7800;
    static constexpr std::uint16_t kTruncated = 0x0200;
    static constexpr std::uint16_t kRecursionDesired = 0x0100;
    static constexpr std::uint16_t kCode = 0x000F;

    Be16 id;
    Be16 flags;
    Be16 questions;
    Be16 answers;
    Be16 authorities;
    Be16 additional;
};
static_assert(sizeof(Header) == 12 && alignof(Header) == 1);

struct QuestionTail {
    Be16 type;
    Be16 klass;
};

struct RecordHead {
    Be16 type;
    Be16 klass;
    Be32 ttl;
    Be16 length;
};
static_assert(sizeof(RecordHead) == 10);

constexpr std::uint16_t kTypeAddress = 1;
constexpr std::uint16_t kTypeAlias = 5;
constexpr std::uint16_t kInternet = 1;

std::uint8_t small(std::uint8_t c) {
    return c >= 'A' && c <= 'Z' ? static_cast<std::uint8_t>(c + ('a' - 'A')) : c;
}

/// Reads from one place on; every function fails for good once one has failed.
struct DnsReader {
    std::span<const std::byte> message;
    std::size_t at;

    [[nodiscard]] unsigned byte(std::size_t place) const {
        return std::to_integer<unsigned>(message[place]);
    }

    /// A name; `at` moves behind it. Nothing: it is cut, loops, or is too long.
    std::optional<DnsName> name() {
        DnsName found;
        std::size_t place = at;
        bool jumped = false;
        for (unsigned jumps = 0; place < message.size();) {
            const unsigned length = byte(place);
            if (length >= 0xC0) {
                if (place + 1 >= message.size() || jumps++ == kDnsJumpsMax) return {};
                const std::size_t target = (length & 0x3FU) << 8U | byte(place + 1);
                if (!jumped) at = place + 2;
                jumped = true;
                if (target >= place) return {};  // backwards only: no loop is possible
                place = target;
                continue;
            }
            if (length > 63 || place + 1 + length > message.size() ||
                found.size + 1 + length > kDnsNameMax) {
                return {};
            }
            for (std::size_t i = 0; i <= length; ++i) {
                const auto c = static_cast<std::uint8_t>(byte(place + i));
                found.bytes[found.size++] = i == 0 ? c : small(c);
            }
            place += 1 + length;
            if (length == 0) {
                if (!jumped) at = place;
                return found;
            }
        }
        return {};
    }
    template <typename T>
    const T* take() {
        const T* value = header_at<T>(message.subspan(std::min(at, message.size())));
        at += sizeof(T);
        return value;
    }
};

bool usable(Ipv4 a) { return !a.is_any() && !a.is_multicast() && !a.is_limited_broadcast(); }

/// What one pass over the answers found about one name.
struct Found {
    bool sound{true};
    bool alias{false};
    bool address{false};
    DnsName target{};
    Ipv4 value{};
    std::uint32_t ttl_s{};
};

Found find(DnsReader reader, unsigned records, const DnsName& wanted) {
    Found found;
    for (unsigned i = 0; i < records; ++i) {
        const auto owner = reader.name();
        const auto* head = owner ? reader.take<RecordHead>() : nullptr;
        if (head == nullptr || head->length.host() > reader.message.size() - reader.at) {
            found.sound = false;
            return found;
        }
        DnsReader data{reader.message.first(reader.at + head->length.host()), reader.at};
        reader.at += head->length.host();
        if (head->klass.host() != kInternet || !(*owner == wanted)) continue;
        // RFC 2181 §8: a number with the top bit set counts as 0.
        const std::uint32_t ttl = head->ttl.host() > 0x7FFFFFFFU ? 0 : head->ttl.host();
        if (head->type.host() == kTypeAddress) {
            const auto* address = head->length.host() == 4 ? data.take<Be32>() : nullptr;
            if (address == nullptr) {
                found.sound = false;
                return found;
            }
            if (!usable(Ipv4{*address})) continue;
            found.address = true;
            found.value = Ipv4{*address};
            found.ttl_s = ttl;
            return found;
        }
        if (head->type.host() == kTypeAlias && !found.alias) {
            const auto target = data.name();
            if (!target || data.at != data.message.size()) {
                found.sound = false;
                return found;
            }
            found.alias = true;
            found.target = *target;
            found.ttl_s = ttl;
        }
    }
    return found;
}

std::optional<DnsError> refusal(const Header& header) {
    constexpr std::uint16_t kNameError = 3;
    const std::uint16_t flags = header.flags.host();
    if ((flags & Header::kTruncated) != 0) return DnsError::truncated;
    const unsigned code = flags & Header::kCode;
    if (code == kNameError) return DnsError::no_such_name;
    if (code != 0) return DnsError::server_failed;
    return {};
}

}  // namespace

const char* to_text(DnsError error) {
    switch (error) {
        case DnsError::bad_name: return "not a name";
        case DnsError::no_server: return "no server";
        case DnsError::no_answer: return "no answer";
        case DnsError::no_such_name: return "no such name";
        case DnsError::no_address: return "no address";
        case DnsError::server_failed: return "server failed";
        case DnsError::truncated: return "answer too long";
        case DnsError::too_long: return "too many aliases";
        case DnsError::malformed: return "malformed answer";
        case DnsError::foreign: return "answer to another question";
    }
    return "?";
}

bool operator==(const DnsName& a, const DnsName& b) {
    return a.size == b.size &&
           std::equal(a.bytes.begin(), a.bytes.begin() + a.size, b.bytes.begin());
}

Result<DnsName, DnsError> dns_name(std::string_view text) {
    DnsName name;
    if (text.ends_with('.')) text.remove_suffix(1);
    if (text.empty()) return DnsError::bad_name;
    for (;;) {
        const std::string_view label = text.substr(0, text.find('.'));
        // The zero at the end needs room too.
        if (label.empty() || label.size() > 63 || name.size + label.size() + 2 > kDnsNameMax) {
            return DnsError::bad_name;
        }
        name.bytes[name.size++] = static_cast<std::uint8_t>(label.size());
        for (const char c : label) {
            if (c <= ' ' || c > '~') return DnsError::bad_name;
            name.bytes[name.size++] = small(static_cast<std::uint8_t>(c));
        }
        if (label.size() == text.size()) break;
        text.remove_prefix(label.size() + 1);
    }
    name.bytes[name.size++] = 0;
    return name;
}

DnsQuestion build_dns(std::uint16_t id, const DnsName& name) {
    DnsQuestion question;
    auto& header = *header_at<Header>(std::span<std::byte>{question.bytes});
    header.id = Be16{id};
    header.flags = Be16{Header::kRecursionDesired};
    header.questions = Be16{1};
    const std::span<std::byte> rest = std::span{question.bytes}.subspan(sizeof(Header));
    std::copy_n(reinterpret_cast<const std::byte*>(name.bytes.data()), name.size, rest.begin());
    *header_at<QuestionTail>(rest.subspan(name.size)) = {Be16{kTypeAddress}, Be16{kInternet}};
    question.size = sizeof(Header) + name.size + sizeof(QuestionTail);
    return question;
}

Result<DnsAnswer, DnsError> parse_dns(std::span<const std::byte> message, std::uint16_t id,
                                      const DnsName& name) {
    DnsReader reader{message, 0};
    const auto* header = reader.take<Header>();
    if (header == nullptr) return DnsError::malformed;
    const bool answers_us = header->id.host() == id &&
                            (header->flags.host() & Header::kResponse) != 0 &&
                            (header->flags.host() & Header::kOpcode) == 0;
    if (!answers_us) return DnsError::foreign;
    if (header->questions.host() != 1) return DnsError::malformed;
    const auto asked = reader.name();
    const auto* tail = asked ? reader.take<QuestionTail>() : nullptr;
    if (tail == nullptr) return DnsError::malformed;
    if (!(*asked == name) || tail->type.host() != kTypeAddress || tail->klass.host() != kInternet) {
        return DnsError::foreign;
    }
    if (const auto refused = refusal(*header)) return *refused;
    const unsigned records = std::min<unsigned>(header->answers.host(), kDnsRecordsMax);
    DnsAnswer answer{.address = {}, .ttl_s = ~std::uint32_t{0}};
    DnsName wanted = name;
    for (unsigned aliases = 0; aliases <= kDnsAliasesMax; ++aliases) {
        const Found found = find(reader, records, wanted);
        if (!found.sound) return DnsError::malformed;
        answer.ttl_s = std::min(answer.ttl_s, found.ttl_s);
        if (found.address) {
            answer.address = found.value;
            return answer;
        }
        if (!found.alias) return DnsError::no_address;
        wanted = found.target;
    }
    return DnsError::too_long;
}

}  // namespace kyu::net
