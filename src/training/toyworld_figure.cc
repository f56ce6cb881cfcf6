// SPDX-License-Identifier: Apache-2.0
// Posable people of toy world: one skeleton gives both the limbs and the keypoints.
#include <array>

#include "training/toyworld_light.h"
#include "training/toyworld_objects.h"

namespace zc {
namespace {

// OpenPose's order of COCO-18.
enum Joint {
  nose,
  neck,
  shoulder_r,
  elbow_r,
  wrist_r,
  shoulder_l,
  elbow_l,
  wrist_l,
  hip_r,
  knee_r,
  ankle_r,
  hip_l,
  knee_l,
  ankle_l,
  eye_r,
  eye_l,
  ear_r,
  ear_l
};

// Directions of the four limbs' two parts in local coordinates (front -z, the figure's right at
// -x).
struct Limb {
  ToyVec upper, lower;
};

struct Posture {
  Limb arm[2];  // right, left
  Limb leg[2];
  float hip_height = 0.95f;
};

// `out` turns away from the body's middle, `forward` to the front; both 0 hang down.
ToyVec limb_direction(float side, float out, float forward) {
  SinCos o = sin_cos(out);
  SinCos f = sin_cos(forward);
  return {side * o.sin, -o.cos * f.cos, -o.cos * f.sin};
}

Posture posture_of(const ToyObject& object, ToyRandom& random) {
  Posture p;
  const float sides[2] = {-1, 1};
  float spread = random.range(0.18f, 0.42f);
  for (int i = 0; i < 2; ++i) {
    float s = sides[i];
    p.arm[i] = {limb_direction(s, spread, 0.05f), limb_direction(s, spread * 0.6f, 0.25f)};
    p.leg[i] = {limb_direction(s, 0.07f, 0), limb_direction(s, 0.04f, -0.03f)};
  }
  bool mirror = random.chance(0.5f);
  switch (object.pose) {
    case ToyPose::standing:
      break;
    case ToyPose::walking: {
      float stride = random.range(0.42f, 0.58f);
      for (int i = 0; i < 2; ++i) {
        float swing = ((i == 0) == mirror) ? stride : -stride;
        p.leg[i] = {limb_direction(sides[i], 0.03f, swing),
                    limb_direction(sides[i], 0.03f, swing - (swing > 0 ? 0.12f : 0.45f))};
        p.arm[i] = {limb_direction(sides[i], 0.16f, -swing),
                    limb_direction(sides[i], 0.12f, -swing + 0.5f)};
      }
      p.hip_height = 0.95f - 0.10f * stride;
      break;
    }
    case ToyPose::waving: {
      int i = mirror ? 0 : 1;
      p.arm[i] = {limb_direction(sides[i], random.range(1.6f, 1.95f), 0.1f),
                  limb_direction(sides[i], random.range(2.6f, 3.2f), 0.1f)};
      break;
    }
    case ToyPose::arms_up: {
      float lift = random.range(2.3f, 2.65f);
      for (int i = 0; i < 2; ++i)
        p.arm[i] = {limb_direction(sides[i], lift, 0), limb_direction(sides[i], lift + 0.25f, 0)};
      break;
    }
    case ToyPose::sitting: {
      for (int i = 0; i < 2; ++i) {
        p.leg[i] = {limb_direction(sides[i], 0.16f, 1.45f), limb_direction(sides[i], 0.05f, 0.08f)};
        p.arm[i] = {limb_direction(sides[i], 0.22f, 0.35f),
                    limb_direction(sides[i], -0.15f, 1.15f)};
      }
      p.hip_height = 0.54f;
      break;
    }
  }
  return p;
}

std::array<ToyVec, 18> local_joints(const Posture& p) {
  std::array<ToyVec, 18> j;
  float up = p.hip_height - 0.95f;
  j[neck] = {0, 1.50f + up, 0};
  const int arms[2] = {shoulder_r, shoulder_l};
  const int legs[2] = {hip_r, hip_l};
  for (int i = 0; i < 2; ++i) {
    float side = i == 0 ? -1.0f : 1.0f;
    ToyVec shoulder = {side * 0.245f, 1.41f + up, 0};
    j[arms[i]] = shoulder;
    j[arms[i] + 1] = shoulder + p.arm[i].upper * 0.31f;
    j[arms[i] + 2] = j[arms[i] + 1] + p.arm[i].lower * 0.29f;
    ToyVec hip = {side * 0.125f, p.hip_height, 0};
    j[legs[i]] = hip;
    j[legs[i] + 1] = hip + p.leg[i].upper * 0.44f;
    j[legs[i] + 2] = j[legs[i] + 1] + p.leg[i].lower * 0.42f;
  }
  float head = 1.76f + up;
  j[nose] = {0, head - 0.03f, -0.21f};
  j[eye_r] = {-0.075f, head + 0.025f, -0.185f};
  j[eye_l] = {0.075f, head + 0.025f, -0.185f};
  j[ear_r] = {-0.20f, head - 0.01f, 0.0f};
  j[ear_l] = {0.20f, head - 0.01f, 0.0f};
  return j;
}

struct FigureSurfaces {
  uint32_t skin, shirt, trousers, shoes, hair, eyes;
};

FigureSurfaces add_surfaces(ToyMesh& mesh, const ToyObject& object, uint8_t id, ToyRandom& random) {
  const ToyVec skins[4] = {
      {0.96f, 0.78f, 0.65f}, {0.87f, 0.64f, 0.48f}, {0.68f, 0.46f, 0.33f}, {0.48f, 0.32f, 0.23f}};
  const ToyVec hairs[4] = {
      {0.18f, 0.13f, 0.11f}, {0.40f, 0.25f, 0.15f}, {0.78f, 0.56f, 0.25f}, {0.55f, 0.22f, 0.12f}};
  auto surface = [&](ToyVec linear, ToyPart part) {
    return mesh.add_surface({.albedo = linear, .label = toy_person, .object = id, .part = part});
  };
  FigureSurfaces s;
  s.skin = surface(to_linear(skins[random.index(4)]), ToyPart::other);
  s.hair = surface(to_linear(hairs[random.index(4)]), ToyPart::other);
  s.shirt = surface(toy_paint(object.colour, random.range(-1, 1)), ToyPart::body);
  s.trousers = surface(toy_paint(object.second_colour, random.range(-1, 1)), ToyPart::second);
  s.shoes = surface(to_linear({0.20f, 0.17f, 0.17f}), ToyPart::other);
  s.eyes = surface(to_linear({0.10f, 0.08f, 0.08f}), ToyPart::other);
  return s;
}

void add_torso(ToyMesh& mesh, const ToyFrame& frame, float up, const FigureSurfaces& s) {
  const std::array<ToyRing, 5> pelvis = {ToyRing{0.84f, 0, 0},
                                         {0.86f, 0.14f, 0.10f},
                                         {0.93f, 0.205f, 0.145f},
                                         {1.04f, 0.19f, 0.135f},
                                         {1.06f, 0, 0}};
  const std::array<ToyRing, 7> chest = {ToyRing{0.98f, 0, 0},    {0.98f, 0.205f, 0.15f},
                                        {1.10f, 0.195f, 0.14f},  {1.28f, 0.24f, 0.155f},
                                        {1.43f, 0.265f, 0.135f}, {1.51f, 0.16f, 0.10f},
                                        {1.53f, 0.05f, 0.05f}};
  add_loft(mesh, frame, {0, up, 0}, pelvis, s.trousers);
  add_loft(mesh, frame, {0, up, 0}, chest, s.shirt);
}

void add_head(ToyMesh& mesh, const ToyFrame& frame, float up, const FigureSurfaces& s,
              bool long_hair) {
  ToyVec head = {0, 1.76f + up, 0};
  add_capsule(mesh, frame, {0, 1.46f + up, 0}, {0, 1.62f + up, 0}, 0.085f, 0.085f, s.skin);
  add_ellipsoid(mesh, frame, head, {0.195f, 0.215f, 0.20f}, s.skin, 18, 12);
  add_ellipsoid(mesh, frame, head + ToyVec{0, 0.055f, 0.05f}, {0.215f, 0.205f, 0.195f}, s.hair, 18,
                12);
  if (long_hair)
    add_ellipsoid(mesh, frame, head + ToyVec{0, -0.12f, 0.10f}, {0.20f, 0.22f, 0.13f}, s.hair, 14,
                  10);
  for (float side : {-1.0f, 1.0f}) {
    add_ellipsoid(mesh, frame, head + ToyVec{side * 0.075f, 0.0f, -0.178f}, {0.03f, 0.036f, 0.02f},
                  s.eyes, 8, 6);
  }
}

}  // namespace

std::array<ToyVec, 18> figure_joints(const ToyObject& object) {
  ToyRandom random(object.style);
  std::array<ToyVec, 18> joints = local_joints(posture_of(object, random));
  ToyFrame frame = frame_of(object);
  for (ToyVec& joint : joints) joint = frame.point(joint);
  return joints;
}

void add_figure(ToyMesh& mesh, const ToyObject& object, uint8_t id) {
  ToyRandom random(object.style);
  ToyFrame frame = frame_of(object);
  Posture posture = posture_of(object, random);
  std::array<ToyVec, 18> j = local_joints(posture);
  FigureSurfaces s = add_surfaces(mesh, object, id, random);
  float up = posture.hip_height - 0.95f;
  add_torso(mesh, frame, up, s);
  add_head(mesh, frame, up, s, random.chance(0.4f));
  for (int shoulder : {static_cast<int>(shoulder_r), static_cast<int>(shoulder_l)}) {
    ToyVec elbow = j[shoulder + 1];
    ToyVec wrist = j[shoulder + 2];
    ToyVec cuff = mix(elbow, wrist, 0.62f);
    add_capsule(mesh, frame, j[shoulder], elbow, 0.10f, 0.088f, s.shirt);
    add_capsule(mesh, frame, elbow, cuff, 0.088f, 0.08f, s.shirt);
    add_capsule(mesh, frame, cuff, wrist + normalised(wrist - elbow) * 0.06f, 0.066f, 0.078f,
                s.skin);
  }
  for (int hip : {static_cast<int>(hip_r), static_cast<int>(hip_l)}) {
    ToyVec ankle = j[hip + 2];
    add_capsule(mesh, frame, j[hip], j[hip + 1], 0.125f, 0.105f, s.trousers);
    add_capsule(mesh, frame, j[hip + 1], ankle, 0.105f, 0.09f, s.trousers);
    ToyVec heel = {ankle.x, ankle.y - 0.02f, ankle.z + 0.02f};
    add_capsule(mesh, frame, heel, {ankle.x, ankle.y - 0.03f, ankle.z - 0.15f}, 0.085f, 0.075f,
                s.shoes);
  }
  if (object.pose == ToyPose::sitting) {
    uint32_t wood =
        mesh.add_surface({.albedo = to_linear({0.66f, 0.47f, 0.30f}), .label = toy_box});
    add_box(mesh, frame, {-0.32f, 0, -0.2f}, {0.32f, 0.42f, 0.28f}, wood, false);
  }
}

}  // namespace zc
