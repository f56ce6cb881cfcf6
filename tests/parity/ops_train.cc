// SPDX-License-Identifier: Apache-2.0
// Training steps of the tiny model: losses, gradients and parameters after AdamW (README, section
// 4).
#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <set>

#include "networks.h"
#include "ops.h"
#include "sampling/schedule.h"
#include "tensor/load.h"
#include "training/optimizer.h"

namespace zc::parity {
namespace {

constexpr int64_t kSteps = 3;
// Relative. Adam normalises, so that after a step of 1e-3 even the rounding of tiny gradients moves
// the norms.
constexpr double kFirstNormTolerance = 1e-3, kLaterNormTolerance = 2e-2;

// The trainable model of one case: its own copy of the weights, because they change.
struct Trained {
  explicit Trained(const Case& c)
      : unet(c.networks.unet_config(c.weights("unet").keys)),
        control(c.networks.unet_config(c.weights("control").keys, true)),
        unet_prefix(c.weights("unet").prefix),
        control_prefix(c.weights("control").prefix) {
    load_all(unet, c.state("unet"), unet_prefix);
    load_all(control, c.state("control"), control_prefix);
  }

  // Calls f(full name, tensor, belongs to the ControlNet) for every parameter.
  template <class F>
  void each(F f) const {
    const auto visit = [&](const Module& module, const std::string& prefix, bool is_control) {
      module.visit(Module::ConstVisitor([&](const std::string& key, const Parameter& p) {
                     f(key, p.stored(), is_control);
                   }),
                   prefix);
    };
    visit(unet, unet_prefix, false);
    visit(control, control_prefix, true);
  }

  UNet unet;
  ControlNet control;
  std::string unet_prefix, control_prefix;
};

bool in_decoder(const std::string& key, const std::string& prefix) {
  return key.starts_with(prefix + "output_blocks.") || key.starts_with(prefix + "out.");
}

bool is_zero_convolution(const std::string& key) {
  return key.find("zero_convs.") != std::string::npos ||
         key.find("middle_block_out.") != std::string::npos ||
         key.find("input_hint_block.14.") != std::string::npos;
}

// The reference runs the UNet's encoder and middle block under no_grad; the rest records gradients
// even when it is locked.
void require_gradients(const Trained& model) {
  model.each([&](const std::string& key, const at::Tensor& value, bool is_control) {
    if (is_control || in_decoder(key, model.unet_prefix)) value.requires_grad_(true);
  });
}

at::Tensor scheduled(const std::vector<float>& values, const at::Tensor& t) {
  return at::tensor(values).index({t}).view({-1, 1, 1, 1});
}

at::Tensor predict(const Trained& model, const at::Tensor& x, const at::Tensor& t,
                   const at::Tensor& tokens, const at::Tensor& hint, bool controlled) {
  Residuals residuals;
  if (controlled) {
    Context context(tokens);
    residuals =
        model.control.forward(x, model.control.encode_hint(hint), model.control.embed(t), context);
  }
  Context context(tokens);
  return model.unet.forward(x, model.unet.embed(t), context, residuals);
}

struct Batch {
  Batch(const Case& c, int64_t k, const LdmSchedule& schedule)
      : noise(c.input(fmt::format("noise_{}", k))),
        t(c.input(fmt::format("t_{}", k))),
        tokens(c.input(fmt::format("context_{}", k))),
        hint(c.input(fmt::format("hint_{}", k))),
        x_t(scheduled(schedule.sqrt_alphas_cumprod, t) * c.input(fmt::format("x0_{}", k)) +
            scheduled(schedule.sqrt_one_minus_alphas_cumprod, t) * noise) {}
  at::Tensor noise, t, tokens, hint, x_t;
};

double infinity_if(bool wrong) {
  return wrong ? std::numeric_limits<double>::infinity() : 0.0;
}

// Which parameters have a gradient, and how large the gradients of the ControlNet are.
void check_gradients(const Case& c, const Trained& model, int64_t step) {
  const auto& p = c.params();
  const auto names = [&](const std::string& key) {
    return p.contains(key) ? p.at(key).get<std::set<std::string>>() : std::set<std::string>();
  };
  const std::set<std::string> without = names("no_gradient");
  const std::string list = fmt::format("nonzero_at_step{}", step);
  const std::set<std::string> nonzero = names(list);
  model.each([&](const std::string& key, const at::Tensor& value, bool is_control) {
    const at::Tensor& gradient = value.grad();
    if (without.contains(key))
      c.check("no gradient for " + key, infinity_if(gradient.defined()), 0.0);
    if (!is_control) return;
    const double norm = gradient.defined() ? gradient.norm().item<double>() : 0.0;
    if (p.contains(list))
      c.check(list + " " + key, infinity_if((norm != 0.0) != nonzero.contains(key)), 0.0);
    if (!p.contains("grad_norm_control")) return;
    const double wanted = p.at("grad_norm_control").at(step).at(key);
    c.check(fmt::format("norm of the gradient of {}, step {}", key, step), std::abs(norm - wanted),
            (step == 0 ? kFirstNormTolerance : kLaterNormTolerance) * wanted);
  });
}

void start_from_zero(Trained& model) {
  model.control.visit(Module::Visitor([](const std::string& key, Parameter& p) {
    if (is_zero_convolution(key)) p.set(at::zeros(p.shape()));
  }));
}

Outputs train_steps(const Case& c) {
  const auto& p = c.params();
  Trained model(c);
  // The manifest says it in words only ("the zero convolutions are 0 at the start"), and by the
  // list of what learns first.
  const bool from_zero = p.contains("nonzero_at_step0");
  if (from_zero) start_from_zero(model);
  StateDict before;
  model.each(
      [&](const std::string& key, const at::Tensor& value, bool) { before[key] = value.clone(); });
  const LdmSchedule schedule = make_ldm_schedule();
  if (from_zero) {
    const Batch first(c, 0, schedule);
    const at::Tensor difference =
        predict(model, first.x_t, first.t, first.tokens, first.hint, true) -
        predict(model, first.x_t, first.t, first.tokens, first.hint, false);
    c.check("output without control", difference.abs().max().item<double>(), 0.0);
  }

  const c10::AutoGradMode with_gradient(true);
  require_gradients(model);
  Optimizer optimizer(OptimizerOptions{.beta1 = p.at("betas").at(0),
                                       .beta2 = p.at("betas").at(1),
                                       .eps = p.at("eps"),
                                       .weight_decay = p.at("weight_decay")});
  optimizer.add(model.control, model.control_prefix);
  if (!p.at("sd_locked").get<bool>()) optimizer.add(model.unet, model.unet_prefix);

  Outputs outputs;
  for (int64_t k = 0; k < kSteps; ++k) {
    const Batch b(c, k, schedule);
    const at::Tensor loss =
        at::mse_loss(predict(model, b.x_t, b.t, b.tokens, b.hint, true), b.noise);
    const double wanted = p.at("losses").at(k);
    c.check(fmt::format("loss of step {}", k), std::abs(loss.item<double>() / wanted - 1.0),
            p.at("tol_loss_rel"));
    model.each(
        [](const std::string&, const at::Tensor& value, bool) { value.mutable_grad().reset(); });
    loss.backward();
    check_gradients(c, model, k);
    if (k == 0) {
      model.each([&](const std::string& key, const at::Tensor& value, bool) {
        if (value.grad().defined()) outputs["grad/" + key] = value.grad().clone();
      });
    }
    optimizer.step(p.at("lr"));
  }
  const auto fixed = p.value("not_updated", std::set<std::string>());
  model.each([&](const std::string& key, const at::Tensor& value, bool) {
    outputs["delta/" + key] = value.detach() - before.at(key);
    if (fixed.contains(key))
      c.check(key + " unchanged", infinity_if(!at::equal(value.detach(), before.at(key))), 0.0);
  });
  return outputs;
}

}  // namespace

const OpTable& training_ops() {
  static const OpTable table = {{"train_steps", train_steps}};
  return table;
}

}  // namespace zc::parity
