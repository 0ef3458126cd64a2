#include "sfu/rtp/dependency_descriptor.h"

#include <gtest/gtest.h>

#include <vector>

namespace fovea::rtp {
namespace {

using Bytes = std::vector<std::uint8_t>;
using Dti = DecodeTargetIndication;

// Writes descriptors field by field, in the order of the syntax tables.
class Bits {
 public:
  Bits& Put(std::uint32_t value, int count) {
    for (int i = count - 1; i >= 0; --i) {
      if (used_ % 8 == 0) bytes_.push_back(0);
      bytes_.back() =
          static_cast<std::uint8_t>(bytes_.back() | (((value >> i) & 1U) << (7 - used_ % 8)));
      ++used_;
    }
    return *this;
  }
  Bits& Mandatory(bool start, bool end, std::uint32_t template_id, std::uint32_t number) {
    return Put(start, 1).Put(end, 1).Put(template_id, 6).Put(number, 16);
  }
  Bits& Flags(const char* five) {
    for (const char* c = five; *c != 0; ++c) Put(*c == '1', 1);
    return *this;
  }
  // 'A.8.2' letters: '-' not present, 'D' discardable, 'S' switch, 'R' required.
  Bits& Dtis(const char* letters) {
    for (const char* c = letters; *c != 0; ++c) {
      Put(*c == 'D' ? 1 : *c == 'S' ? 2 : *c == 'R' ? 3 : 0, 2);
    }
    return *this;
  }
  const Bytes& bytes() const { return bytes_; }

 private:
  Bytes bytes_;
  int used_ = 0;
};

// L1T2: templates 0 key, 1 T0 delta, 2 T1 delta; offset 60; one chain; 1280x720.
Bits L1T2KeyFrame() {
  Bits bits;
  bits.Mandatory(true, false, 60, 100).Flags("10000");
  bits.Put(60, 6).Put(1, 5);           // offset, two decode targets
  bits.Put(0, 2).Put(1, 2).Put(3, 2);  // layers: same, next temporal, end
  bits.Dtis("SS").Dtis("SS").Dtis("-D");
  bits.Put(0, 1);                      // key: no references
  bits.Put(1, 1).Put(1, 4).Put(0, 1);  // T0: 2 back
  bits.Put(1, 1).Put(0, 4).Put(0, 1);  // T1: 1 back
  bits.Put(2, 2);                      // ns(3) = 1: one chain (value 1 is coded as 10)
  bits.Put(0, 4).Put(2, 4).Put(1, 4);  // chain fdiffs; protected_by is ns(1), no bits
  bits.Put(1, 1).Put(1279, 16).Put(719, 16);
  return bits;
}

// L2T1_KEY: templates S0 key, S0 delta, S1 key, S1 delta.
Bits L2T1KeyFrame(std::uint32_t template_id) {
  Bits bits;
  bits.Mandatory(true, true, template_id, 7).Flags("10000");
  bits.Put(0, 6).Put(1, 5);
  bits.Put(0, 2).Put(2, 2).Put(0, 2).Put(3, 2);
  bits.Dtis("SS").Dtis("S-").Dtis("-S").Dtis("-S");
  bits.Put(0, 1);                      // S0 key
  bits.Put(1, 1).Put(1, 4).Put(0, 1);  // S0 delta: 2 back
  bits.Put(1, 1).Put(0, 4).Put(0, 1);  // S1 key: 1 back, its own picture
  bits.Put(1, 1).Put(1, 4).Put(0, 1);  // S1 delta: 2 back
  bits.Put(0, 1);                      // ns(3) = 0: no chains
  bits.Put(0, 1);                      // no resolutions
  return bits;
}

TEST(DependencyDescriptor, ReadsAKeyFrameAndKeepsItsStructure) {
  DependencyStructure structure;
  const Bytes bytes = L1T2KeyFrame().bytes();
  const auto dd = ParseDependencyDescriptor(bytes, structure);
  ASSERT_TRUE(dd);
  EXPECT_TRUE(dd->starts_frame);
  EXPECT_FALSE(dd->ends_frame);
  EXPECT_EQ(dd->frame_number, 100);
  EXPECT_TRUE(dd->has_structure);
  EXPECT_EQ(dd->active_targets, 0b11U);
  EXPECT_EQ(dd->resolution.width, 1280);
  EXPECT_EQ(dd->resolution.height, 720);
  EXPECT_TRUE(dd->frame_diffs.empty());
  EXPECT_EQ(dd->indications.Get(0), Dti::kSwitch);
  EXPECT_TRUE(dd->temporal_up_ok);

  EXPECT_EQ(structure.template_id_offset, 60);
  EXPECT_EQ(structure.template_count, 3);
  EXPECT_EQ(structure.decode_target_count, 2);
  EXPECT_EQ(structure.spatial_count, 1);
  EXPECT_EQ(structure.chain_count, 1);
  EXPECT_EQ(structure.target_temporal[0], 0);
  EXPECT_EQ(structure.target_temporal[1], 1);
  EXPECT_EQ(structure.templates[1].chain_diffs[0], 2);
}

TEST(DependencyDescriptor, LaterFramesAreReadWithTheKeptStructure) {
  DependencyStructure structure;
  ASSERT_TRUE(ParseDependencyDescriptor(L1T2KeyFrame().bytes(), structure));
  const auto t1 = ParseDependencyDescriptor(Bytes{0xfe, 0x00, 0x65}, structure);  // id 62
  ASSERT_TRUE(t1);
  EXPECT_TRUE(t1->starts_frame);
  EXPECT_TRUE(t1->ends_frame);
  EXPECT_EQ(t1->frame_number, 101);
  EXPECT_EQ(t1->temporal_id, 1);
  EXPECT_EQ(t1->indications.Get(0), Dti::kNotPresent);
  EXPECT_EQ(t1->indications.Get(1), Dti::kDiscardable);
  EXPECT_EQ(t1->frame_diffs[0], 1);
  EXPECT_FALSE(t1->temporal_up_ok);
  EXPECT_FALSE(ParseDependencyDescriptor(Bytes{0xff, 0x00, 0x65}, structure)) << "no template 63";
}

TEST(DependencyDescriptor, CustomFieldsReplaceTheTemplate) {
  DependencyStructure structure;
  ASSERT_TRUE(ParseDependencyDescriptor(L1T2KeyFrame().bytes(), structure));
  Bits bits;
  bits.Mandatory(true, true, 61, 500).Flags("01111");
  bits.Put(0b01, 2);  // active targets
  bits.Dtis("RD");
  bits.Put(2, 2).Put(41, 8).Put(3, 2).Put(999, 12).Put(0, 2);  // 42 and 1000 back
  bits.Put(200, 8);
  const auto dd = ParseDependencyDescriptor(bits.bytes(), structure);
  ASSERT_TRUE(dd);
  EXPECT_EQ(dd->active_targets, 1U);
  EXPECT_EQ(dd->indications.Get(0), Dti::kRequired);
  EXPECT_EQ(dd->indications.Get(1), Dti::kDiscardable);
  ASSERT_EQ(dd->frame_diffs.size(), 2U);
  EXPECT_EQ(dd->frame_diffs[0], 42);
  EXPECT_EQ(dd->frame_diffs[1], 1000);
  EXPECT_EQ(dd->chain_diffs[0], 200);
  EXPECT_FALSE(dd->temporal_up_ok);
}

TEST(DependencyDescriptor, ReadsSpatialLayers) {
  DependencyStructure structure;
  ASSERT_TRUE(ParseDependencyDescriptor(L2T1KeyFrame(0).bytes(), structure));
  EXPECT_EQ(structure.spatial_count, 2);
  EXPECT_EQ(structure.target_spatial[0], 0);
  EXPECT_EQ(structure.target_spatial[1], 1);
  const auto s1_key = ParseDependencyDescriptor(Bytes{0xc2, 0x00, 0x08}, structure);
  ASSERT_TRUE(s1_key);
  EXPECT_EQ(s1_key->spatial_id, 1);
  EXPECT_EQ(s1_key->frame_diffs[0], 1);
  EXPECT_FALSE(s1_key->temporal_up_ok) << "there is no higher temporal layer";
}

TEST(DependencyDescriptor, WithoutAStructureNothingCanBeRead) {
  DependencyStructure structure;
  EXPECT_FALSE(ParseDependencyDescriptor(Bytes{0xc0, 0x00, 0x01}, structure));
}

TEST(DependencyDescriptor, RefusesEveryTruncationAndKeepsTheOldStructure) {
  const Bytes bytes = L1T2KeyFrame().bytes();
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    DependencyStructure structure;
    EXPECT_FALSE(ParseDependencyDescriptor(ByteSpan(bytes).first(size), structure)) << size;
    EXPECT_EQ(structure.template_count, 0) << size;
  }
}

TEST(DependencyDescriptor, RefusesAFifthSpatialLayer) {
  Bits bits;
  bits.Mandatory(true, true, 0, 0).Flags("10000").Put(0, 6).Put(0, 5);
  for (int i = 0; i < 4; ++i) bits.Put(2, 2);
  bits.Put(3, 2).Put(0, 32).Put(0, 32);
  DependencyStructure structure;
  EXPECT_FALSE(ParseDependencyDescriptor(bits.bytes(), structure));
}

TEST(DependencyDescriptor, RefusesASixtyFifthTemplate) {
  Bits bits;
  bits.Mandatory(true, true, 0, 0).Flags("10000").Put(0, 6).Put(0, 5);
  for (int i = 0; i < 64; ++i) bits.Put(0, 2);
  bits.Put(3, 2);
  for (int i = 0; i < 32; ++i) bits.Put(0, 32);
  DependencyStructure structure;
  EXPECT_FALSE(ParseDependencyDescriptor(bits.bytes(), structure));
}

TEST(DependencyDescriptor, RefusesEndlessReferences) {
  DependencyStructure structure;
  ASSERT_TRUE(ParseDependencyDescriptor(L1T2KeyFrame().bytes(), structure));
  Bits bits;
  bits.Mandatory(true, true, 61, 500).Flags("00010");
  for (int i = 0; i < 9; ++i) bits.Put(1, 2).Put(3, 4);
  bits.Put(0, 2);
  EXPECT_FALSE(ParseDependencyDescriptor(bits.bytes(), structure));
}

TEST(DependencyDescriptor, TheFrameNumberCanBeRewritten) {
  Bytes bytes = L1T2KeyFrame().bytes();
  ASSERT_TRUE(RewriteFrameNumber(bytes, 0xabcd));
  DependencyStructure structure;
  EXPECT_EQ(ParseDependencyDescriptor(bytes, structure)->frame_number, 0xabcd);
  Bytes two(2);
  EXPECT_FALSE(RewriteFrameNumber(two, 1));
}

}  // namespace
}  // namespace fovea::rtp
