// SPDX-License-Identifier: Apache-2.0
#include "tensor/weight_stream.h"

#include <algorithm>

#include "base/files.h"

namespace zc {
namespace {

// Smaller weights are not worth a call to the system at each use.
constexpr size_t kSmallest = size_t{1} << 16;
// How far the file is read ahead of the weight in use.
constexpr size_t kAhead = size_t{48} << 20;

bool comes_and_goes(const at::Tensor& weight) {
  return weight.is_cpu() && weight.nbytes() >= kSmallest &&
         is_mapped(weight.const_data_ptr(), weight.nbytes());
}

}  // namespace

StreamedBytes streamed_bytes(const Module& module) {
  StreamedBytes bytes;
  module.visit(Module::ConstVisitor([&](const std::string&, const Parameter& p) {
    const auto size = static_cast<int64_t>(p.stored().nbytes());
    if (comes_and_goes(p.stored())) {
      bytes.largest = std::max(bytes.largest, size);
    } else {
      bytes.kept += size;
    }
  }));
  return bytes;
}

WeightStream::WeightStream(const std::vector<Module*>& modules) {
  for (Module* module : modules) {
    convert_weights(*module, Conversion::each_use);
    module->visit(Module::Visitor([&](const std::string&, Parameter& p) {
      if (!comes_and_goes(p.stored())) return;
      p.set_source(this, places_.size());
      places_.push_back({&p, p.stored().const_data_ptr(), p.stored().nbytes()});
    }));
  }
}

WeightStream::~WeightStream() {
  for (const Place& place : places_) place.parameter->set_source(nullptr, 0);
}

void WeightStream::used(size_t place) const {
  release_mapped_pages(places_[place].data, places_[place].bytes);
  // The last ones are followed by the first ones of the next step. What lies between this weight
  // and kAhead behind it was asked for before.
  size_t ahead = 0;
  for (size_t i = 1; i < places_.size(); ++i) {
    const Place& next = places_[(place + i) % places_.size()];
    ahead += next.bytes;
    if (ahead < kAhead) continue;
    return prefetch_mapped_pages(next.data, next.bytes);
  }
}

}  // namespace zc
