// SPDX-License-Identifier: Apache-2.0
// Reads depth, normal and owner of each pixel out of the GPU. They are rendered as numbers into targets of their own,
// never onto the page's canvas, and read back exactly.
import {
  Color, FloatType, GLSL3, NearestFilter, NoBlending, RGBAFormat, ShaderMaterial, UnsignedByteType, Vector4,
  WebGLRenderTarget, type Camera, type Material, type Mesh, type Scene, type WebGLRenderer,
} from "three";
import type { Seen } from "./scene_maps.ts";

const VERTEX = /* glsl */ `
out vec3 place;
out vec3 facing;
void main() {
  vec4 seen = modelViewMatrix * vec4(position, 1.0);
  place = seen.xyz;
  facing = normalMatrix * normal;
  gl_Position = projectionMatrix * seen;
}`;

// Depth and numbers in the first picture, normals in the second.
const FLOATS = /* glsl */ `
precision highp float;
in vec3 place;
in vec3 facing;
uniform vec2 owner;
layout(location = 0) out vec4 where_and_who;
layout(location = 1) out vec4 normal_out;
void main() {
  vec3 n = normalize(facing);
  where_and_who = vec4(-place.z, owner, 1.0);
  normal_out = vec4(n, 1.0);
}`;

// The same for GPUs that draw no floats: depth as 24 bits of FARTHEST, numbers in the fourth channels.
const BYTES = /* glsl */ `
precision highp float;
in vec3 place;
in vec3 facing;
uniform vec2 owner;
layout(location = 0) out vec4 where_and_who;
layout(location = 1) out vec4 normal_out;
void main() {
  vec3 n = normalize(facing);
  float whole = floor(clamp(-place.z / 64.0, 0.0, 1.0) * 16777215.0 + 0.5);
  float high = floor(whole / 65536.0);
  float middle = floor((whole - high * 65536.0) / 256.0);
  float low = whole - high * 65536.0 - middle * 256.0;
  where_and_who = vec4(high, middle, low, owner.x) / 255.0;
  normal_out = vec4(floor((n * 0.5 + 0.5) * 255.0), owner.y) / 255.0; // cut off, as the maps are
}`;
const FARTHEST = 64;

export interface Baker {
  renderer: WebGLRenderer;
  floats: boolean;
  materials: Map<number, ShaderMaterial>; // by owner and part
}

export function new_baker(renderer: WebGLRenderer): Baker {
  return { renderer, floats: renderer.extensions.has("EXT_color_buffer_float"), materials: new Map() };
}

export function dispose_baker(baker: Baker): void {
  for (const material of baker.materials.values()) material.dispose();
  baker.materials.clear();
}

function material_for(baker: Baker, owner: number, part: number): ShaderMaterial {
  const key = owner * 256 + part;
  const known = baker.materials.get(key);
  if (known) return known;
  const material = new ShaderMaterial({
    glslVersion: GLSL3, vertexShader: VERTEX, fragmentShader: baker.floats ? FLOATS : BYTES,
    uniforms: { owner: { value: [owner, part] } }, blending: NoBlending,
  });
  baker.materials.set(key, material);
  return material;
}

export interface BakedMesh {
  mesh: Mesh;
  owner: number;
  part: number;
}

// Draws only what is in `meshes`; everything else in the scene must be on other layers than the camera.
function draw(baker: Baker, scene: Scene, camera: Camera, meshes: readonly BakedMesh[], target: WebGLRenderTarget): void {
  const { renderer } = baker;
  const before = meshes.map(({ mesh }) => mesh.material);
  const background = scene.background;
  const colour = renderer.getClearColor(new Color());
  const alpha = renderer.getClearAlpha();
  const viewport = renderer.getViewport(new Vector4());
  scene.background = null;
  meshes.forEach(({ mesh, owner, part }) => (mesh.material = material_for(baker, owner, part)));
  try {
    renderer.setRenderTarget(target);
    renderer.setClearColor(0x000000, 0);
    renderer.clear();
    renderer.render(scene, camera);
  } finally {
    meshes.forEach(({ mesh }, i) => (mesh.material = before[i] as Material));
    scene.background = background;
    renderer.setRenderTarget(null);
    renderer.setClearColor(colour, alpha);
    renderer.setViewport(viewport);
  }
}

function unpacked(width: number, height: number, first: Float32Array | Uint8Array, second: Float32Array | Uint8Array, floats: boolean): Seen {
  const count = width * height;
  const seen: Seen = {
    width, height, depth: new Float32Array(count), owner: new Uint8Array(count), part: new Uint8Array(count),
    normals: new Float32Array(3 * count),
  };
  for (let y = 0; y < height; ++y) {
    for (let x = 0; x < width; ++x) {
      // Rows of the GPU go from bottom to top.
      const from = 4 * ((height - 1 - y) * width + x);
      const to = y * width + x;
      if (floats) {
        seen.depth[to] = first[from]!;
        seen.owner[to] = Math.round(first[from + 1]!);
        seen.part[to] = Math.round(first[from + 2]!);
      } else {
        seen.owner[to] = first[from + 3]!;
        seen.part[to] = second[from + 3]!;
        const packed = (first[from]! * 256 + first[from + 1]!) * 256 + first[from + 2]!;
        seen.depth[to] = seen.owner[to] ? (packed / 16777215) * FARTHEST : 0;
      }
      // A quarter of a level more, so that cutting off gives the same level again.
      for (let c = 0; c < 3; ++c) seen.normals[3 * to + c] = floats ? second[from + c]! : ((second[from + c]! + 0.25) / 255) * 2 - 1;
    }
  }
  return seen;
}

// What the camera sees of the meshes in a picture of this size. Throws where the GPU refuses.
export function see(baker: Baker, scene: Scene, camera: Camera, meshes: readonly BakedMesh[], width: number, height: number): Seen {
  const limit = baker.renderer.capabilities.maxTextureSize;
  if (width > limit || height > limit) throw new Error(`the graphics card draws at most ${limit} x ${limit} pixels`);
  const type = baker.floats ? FloatType : UnsignedByteType;
  const target = new WebGLRenderTarget(width, height, {
    count: 2, type, format: RGBAFormat, minFilter: NearestFilter, magFilter: NearestFilter, generateMipmaps: false, samples: 0,
  });
  try {
    draw(baker, scene, camera, meshes, target);
    const buffer = () => (baker.floats ? new Float32Array(width * height * 4) : new Uint8Array(width * height * 4));
    const [first, second] = [buffer(), buffer()];
    baker.renderer.readRenderTargetPixels(target, 0, 0, width, height, first, undefined, 0);
    baker.renderer.readRenderTargetPixels(target, 0, 0, width, height, second, undefined, 1);
    return unpacked(width, height, first, second, baker.floats);
  } finally {
    target.dispose();
  }
}
