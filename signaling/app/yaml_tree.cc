#include "signaling/app/yaml_tree.h"

#include <yaml-cpp/anchor.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <map>
#include <optional>
#include <sstream>
#include <utility>

#include "sfu/core/limits.h"

namespace fovea::app {
namespace {

YamlPlace PlaceOf(const YAML::Mark& mark) {
  if (mark.is_null()) return {};
  return {mark.line + 1, mark.column + 1};
}

YamlNode NodeOf(YamlNode::Kind kind, const YAML::Mark& mark) {
  YamlNode node;
  node.kind = kind;
  node.place = PlaceOf(mark);
  return node;
}

std::size_t CountNodes(const YamlNode& node) {
  std::size_t count = 1;
  for (const YamlNode& item : node.items) count += CountNodes(item);
  for (const YamlEntry& entry : node.entries) count += CountNodes(entry.value);
  return count;
}

std::size_t CountText(const YamlNode& node) {
  std::size_t bytes = node.text.size();
  for (const YamlNode& item : node.items) bytes += CountText(item);
  for (const YamlEntry& entry : node.entries) bytes += entry.key.size() + CountText(entry.value);
  return bytes;
}

std::size_t DepthOf(const YamlNode& node) {
  std::size_t below = 0;
  for (const YamlNode& item : node.items) below = std::max(below, DepthOf(item));
  for (const YamlEntry& entry : node.entries) below = std::max(below, DepthOf(entry.value));
  return below + 1;
}

// Leaves yaml-cpp's parser, which knows no other way to be stopped. Never leaves this file.
struct Stop {
  YamlError error;
};

class TreeBuilder : public YAML::EventHandler {
 public:
  YamlNode TakeRoot() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    YamlNode node = NodeOf(YamlNode::Kind::kNull, mark);
    Charge(node);
    Place(std::move(node), anchor);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    YamlNode node = NodeOf(YamlNode::Kind::kScalar, mark);
    node.text = value;
    node.quoted = tag != "?";  // yaml-cpp's tag of a plain scalar
    Charge(node);
    Place(std::move(node), anchor);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchored_.find(anchor);
    if (found == anchored_.end()) throw Stop{{PlaceOf(mark), "an alias inside of what it names"}};
    YamlNode copy = found->second;
    copy.place = PlaceOf(mark);
    Charge(copy);
    Place(std::move(copy), 0);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    OpenNode(NodeOf(YamlNode::Kind::kList, mark), anchor);
  }
  void OnSequenceEnd() override { CloseNode(); }

  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    OpenNode(NodeOf(YamlNode::Kind::kMap, mark), anchor);
  }
  void OnMapEnd() override { CloseNode(); }

 private:
  // A list or map whose end has not come yet.
  struct Open {
    YamlNode node;
    YAML::anchor_t anchor = 0;
    std::optional<YamlEntry> pending;  // of a map: the key that waits for its value
  };

  void OpenNode(YamlNode node, YAML::anchor_t anchor) {
    Charge(node);
    if (ExpectsKey()) throw Stop{{node.place, "a key has to be a plain word"}};
    open_.push_back({std::move(node), anchor, std::nullopt});
  }

  void CloseNode() {
    Open done = std::move(open_.back());
    open_.pop_back();
    Place(std::move(done.node), done.anchor);
  }

  [[nodiscard]] bool ExpectsKey() const {
    return !open_.empty() && open_.back().node.kind == YamlNode::Kind::kMap &&
           !open_.back().pending.has_value();
  }

  // Puts a finished node where it belongs: root, list item, key or value.
  void Place(YamlNode node, YAML::anchor_t anchor) {
    if (anchor != 0) {
      Charge(node);  // the copy kept for aliases
      anchored_[anchor] = node;
    }
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    Open& parent = open_.back();
    if (parent.node.kind == YamlNode::Kind::kList) {
      parent.node.items.push_back(std::move(node));
    } else if (!parent.pending.has_value()) {
      parent.pending = NewEntry(parent.node, std::move(node));
    } else {
      parent.pending->value = std::move(node);
      parent.node.entries.push_back(std::move(*parent.pending));
      parent.pending.reset();
    }
  }

  static YamlEntry NewEntry(const YamlNode& map, YamlNode key) {
    if (key.kind != YamlNode::Kind::kScalar) {
      throw Stop{{key.place, "a key has to be a plain word"}};
    }
    const auto same = std::find_if(map.entries.begin(), map.entries.end(),
                                   [&](const YamlEntry& entry) { return entry.key == key.text; });
    if (same != map.entries.end()) {
      throw Stop{{key.place, "key \"" + key.text + "\" is given twice, first in line " +
                                 std::to_string(same->place.line)}};
    }
    return {std::move(key.text), key.place, {}};
  }

  // What stands in the text pays once, here or when it opens; an alias pays for all that it copies.
  void Charge(const YamlNode& node) {
    nodes_ += CountNodes(node);
    text_bytes_ += CountText(node);
    if (nodes_ > limits::kYamlNodesMax || text_bytes_ > limits::kYamlTextBytesMax) {
      throw Stop{{node.place, "too large, aliases counted as what they stand for"}};
    }
    if (open_.size() + DepthOf(node) > limits::kYamlDepthMax) {
      throw Stop{{node.place, "nested too deeply"}};
    }
  }

  YamlNode root_;
  std::vector<Open> open_;
  std::map<YAML::anchor_t, YamlNode> anchored_;
  std::size_t nodes_ = 0;
  std::size_t text_bytes_ = 0;
};

}  // namespace

Result<YamlNode, YamlError> ParseYaml(std::string_view text) {
  if (text.size() > limits::kYamlBytesMax) {
    return Failure{
        YamlError{{}, "larger than " + std::to_string(limits::kYamlBytesMax / 1024) + " KiB"}};
  }
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    TreeBuilder builder;
    (void)parser.HandleNextDocument(builder);
    YamlNode root = builder.TakeRoot();
    TreeBuilder rest;
    if (parser.HandleNextDocument(rest)) {
      const YamlNode second = rest.TakeRoot();
      if (second.kind != YamlNode::Kind::kNull) {
        return Failure{YamlError{second.place, "a second document; only one is read"}};
      }
    }
    return root;
  } catch (const Stop& stop) {
    return Failure{stop.error};
  } catch (const YAML::Exception& exception) {
    return Failure{YamlError{PlaceOf(exception.mark), "not YAML: " + exception.msg}};
  } catch (const std::exception& exception) {
    return Failure{YamlError{{}, std::string("not YAML: ") + exception.what()}};
  }
}

}  // namespace fovea::app
