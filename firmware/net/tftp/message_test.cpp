// The course of a TFTP read, packet by packet.
#include "net/tftp/message.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>

#include "net/tftp/tftp_test_support.hpp"

namespace kyu::net::test {
namespace tftp_message_test {

using Event = TftpGet::Event;

struct Course {
    TftpGet get;
    std::span<const std::byte> data;

    explicit Course(std::uint64_t bytes_max = 1'000'000) : get(bytes_max) {
        EXPECT_TRUE(get.ask("kyu.bin"));
    }
    Event take(const Bytes& packet) {
        data = {};
        return get.take(as_bytes(packet), data);
    }
    Bytes reply() const {
        Bytes b;
        for (const std::byte x : get.reply()) b.push_back(std::to_integer<std::uint8_t>(x));
        return b;
    }
};

TEST(TftpGet, AsksForTheFileWithItsOptions) {
    Course course;
    EXPECT_EQ(course.reply(), tftp_request("kyu.bin"));
    for (const std::string& bad : {std::string{}, std::string{"a b"}, std::string("a\0b", 3),
                                   std::string(kTftpNameMax + 1, 'x')}) {
        TftpGet other{1};
        EXPECT_FALSE(other.ask(bad));
    }
    TftpGet longest{1};
    EXPECT_TRUE(longest.ask(std::string(kTftpNameMax, 'x')));
}

TEST(TftpGet, AServerWithoutOptionsSendsBlocksOf512) {
    Course course;
    EXPECT_EQ(course.take(tftp_data(1, Bytes(512, 1))), Event::data);
    EXPECT_EQ(course.data.size(), 512U);
    EXPECT_EQ(course.reply(), tftp_ack(1));
    EXPECT_EQ(course.take(tftp_data(2, {7})), Event::finished);
    EXPECT_EQ(course.reply(), tftp_ack(2));
    EXPECT_EQ(course.get.bytes(), 513U);
}

TEST(TftpGet, AgreedOptionsAreAcknowledgedAndUsed) {
    Course course;
    EXPECT_EQ(course.take(tftp_options({"blksize", "1000", "TSIZE", "2000"})), Event::options);
    EXPECT_EQ(course.reply(), tftp_ack(0));
    EXPECT_EQ(course.get.size(), 2000U);
    EXPECT_EQ(course.take(tftp_data(1, Bytes(1000, 1))), Event::data);
    EXPECT_EQ(course.take(tftp_data(2, Bytes(1000, 1))), Event::data);
    EXPECT_EQ(course.take(tftp_data(3, {})), Event::finished) << "RFC 1350 §6: an empty last block";
}

TEST(TftpGet, OptionsThatWereNotAskedForEndIt) {
    for (const std::vector<std::string>& options : {std::vector<std::string>{"blksize", "1469"},
                                                    {"blksize", "7"},
                                                    {"blksize", ""},
                                                    {"blksize", "12x"},
                                                    {"timeout", "3"},
                                                    {"tsize", "-1"}}) {
        Course course;
        EXPECT_EQ(course.take(tftp_options(options)), Event::failed) << options[0];
        EXPECT_EQ(course.get.error(), TftpError::bad_option);
        EXPECT_EQ(get16(course.reply(), 0), 5U);
        EXPECT_EQ(get16(course.reply(), 2), 8U);
    }
    Course cut;
    EXPECT_EQ(cut.take(slice(tftp_options({"blksize", "1000"}), 0, 12)), Event::malformed);
}

TEST(TftpGet, ABlockThatComesAgainIsNotAnsweredAgain) {  // the sorcerer's apprentice
    Course course;
    EXPECT_EQ(course.take(tftp_data(1, Bytes(512, 1))), Event::data);
    for (int i = 0; i < 5; ++i) {
        EXPECT_EQ(course.take(tftp_data(1, Bytes(512, 1))), Event::duplicate);
        EXPECT_TRUE(course.data.empty());
        EXPECT_EQ(course.get.bytes(), 512U);
    }
    EXPECT_EQ(course.take(tftp_options({"blksize", "1000"})), Event::malformed) << "much too late";
    EXPECT_EQ(course.take(tftp_data(2, {})), Event::finished);
}

TEST(TftpGet, OptionsThatComeAgainAreADuplicate) {
    Course course;
    EXPECT_EQ(course.take(tftp_options({"blksize", "1000"})), Event::options);
    EXPECT_EQ(course.take(tftp_options({"blksize", "1000"})), Event::duplicate);
}

TEST(TftpGet, BlocksAheadOrTooLongAreMalformed) {
    Course course;
    EXPECT_EQ(course.take(tftp_data(2, {1})), Event::malformed);
    EXPECT_EQ(course.take(tftp_data(1, Bytes(513, 1))), Event::malformed);
    EXPECT_EQ(course.take(tftp_data(1, Bytes(512, 1))), Event::data);
    EXPECT_EQ(course.take(tftp_data(4, {1})), Event::malformed);
}

TEST(TftpGet, AFileOfMoreThan65535BlocksGoesOn) {
    Course course{~std::uint64_t{0}};
    EXPECT_EQ(course.take(tftp_options({"blksize", "8"})), Event::options);
    for (unsigned block = 1; block < 70'000; ++block) {
        ASSERT_EQ(course.take(tftp_data(block & 0xFFFFU, Bytes(8, 1))), Event::data) << block;
    }
    EXPECT_EQ(course.take(tftp_data(70'000 & 0xFFFF, {})), Event::finished);
    EXPECT_EQ(course.get.bytes(), 8U * 69'999U);
}

TEST(TftpGet, AFileThatIsTooBigIsToldSo) {
    Course announced{1000};
    EXPECT_EQ(announced.take(tftp_options({"tsize", "1001"})), Event::failed);
    EXPECT_EQ(announced.get.error(), TftpError::too_big);
    EXPECT_EQ(get16(announced.reply(), 2), 3U);
    Course silent{1000};
    EXPECT_EQ(silent.take(tftp_data(1, Bytes(512, 1))), Event::data);
    EXPECT_EQ(silent.take(tftp_data(2, Bytes(512, 1))), Event::failed);
    EXPECT_EQ(silent.get.bytes(), 512U);
}

TEST(TftpGet, WhatTheServerSaysIsKeptPrintable) {
    Course course;
    EXPECT_EQ(course.take(tftp_error(1, "no\x07 such file")), Event::refused);
    EXPECT_EQ(course.get.text(), "no? such file");
    Course endless;
    Bytes error = tftp_error(1, std::string(200, 'x'));
    error.pop_back();
    EXPECT_EQ(endless.take(error), Event::refused) << "without its zero";
    EXPECT_EQ(endless.get.text().size(), 48U);
}

TEST(TftpGet, TruncatedAndRandomPacketsAreSurvived) {
    const std::array packets{tftp_data(1, Bytes(20, 1)), tftp_options({"blksize", "100"}),
                             tftp_error(2, "no"), tftp_ack(1)};
    for (const Bytes& whole : packets) {
        for (std::size_t n = 0; n < whole.size(); ++n) {
            Course course;
            const Bytes cut = slice(whole, 0, n);
            EXPECT_TRUE(n >= 4 || course.take(cut) == Event::malformed);
            static_cast<void>(course.take(cut));
        }
    }
    std::mt19937 random{7};
    for (int i = 0; i < 50'000; ++i) {
        Course course{4096};
        for (int k = 0; k < 4; ++k) {
            Bytes packet = packets[random() % packets.size()];
            for (unsigned flips = random() % 4; flips > 0; --flips) {
                packet[random() % packet.size()] = static_cast<std::uint8_t>(random());
            }
            packet.resize(random() % (packet.size() + 1));
            static_cast<void>(course.take(packet));
            ASSERT_LE(course.get.bytes(), 4096U);
        }
    }
}

}  // namespace tftp_message_test
}  // namespace kyu::net::test
