/** The programs of the star. layout/curve.ts computes the same curve for picking. */

const HEAD = `#version 300 es
precision highp float;
precision highp int;
precision highp sampler2D;
precision highp usampler2D;
`;

/** Data textures are 256 wide; a number is a place in them. */
const COMMON = `${HEAD}
uniform sampler2D uPlaceA, uPlaceB, uLook, uGate;
uniform float uMix;      // from place A to place B
uniform vec2 uView;      // CSS pixels
uniform vec3 uCamera;    // x, y, zoom
uniform float uPixel;    // CSS pixels in one pixel of the target
uniform float uInner, uBundling, uSpread, uStraight;
uniform vec3 uHue[8];
uniform bool uLight;

ivec2 at(uint i) { return ivec2(int(i & 255u), int(i >> 8)); }
vec4 place(uint i) { return mix(texelFetch(uPlaceA, at(i), 0), texelFetch(uPlaceB, at(i), 0), vec4(uMix, uMix, 1., 1.)); }
vec4 look(uint i) { return texelFetch(uLook, at(i), 0); }
vec4 gate(float i) { return texelFetch(uGate, at(uint(i)), 0); }
vec2 toScreen(vec2 p) { return p * uCamera.z + uCamera.xy; }
vec4 toClip(vec2 s) { return vec4((s / uView * 2. - 1.) * vec2(1, -1), 0, 1); }
vec2 polar(float a, float r) { return vec2(cos(a), sin(a)) * r; }
float turn(float a) { return atan(sin(a), cos(a)); }
vec3 hue(float h) { return uHue[int(h) & 7]; }
`;

const CURVE = `
uniform usampler2D uEnds;
uniform sampler2D uCalls;
vec2 P[6];

void straighten(vec2 a, vec2 b) {
  if (uStraight <= 0.) return;
  vec2 d = b - a;
  vec2 n = vec2(-d.y, d.x) * .1;
  vec2 q1 = a + d * .2 + n * .6, q2 = a + d * .4 + n, q3 = a + d * .6 + n, q4 = a + d * .8 + n * .6;
  if (a == b) {
    float t = atan(a.y, a.x);
    q1 = a + polar(t - .6, 34.); q2 = a + polar(t - .35, 58.); q3 = a + polar(t + .35, 58.); q4 = a + polar(t + .6, 34.);
  }
  P[1] = mix(P[1], q1, uStraight); P[2] = mix(P[2], q2, uStraight); P[3] = mix(P[3], q3, uStraight); P[4] = mix(P[4], q4, uStraight);
}

void bundle(vec2 a, vec2 b, vec4 ga, vec4 gb, bool same) {
  float ta = atan(a.y, a.x), tb = atan(b.y, b.x);
  P[0] = a; P[5] = b;
  if (a == b) {
    P[1] = polar(ta - .09, uInner * .9); P[2] = polar(ta - .09, uInner * .78);
    P[3] = polar(ta + .09, uInner * .78); P[4] = polar(ta + .09, uInner * .9);
    return;
  }
  float apart = abs(turn(ta - tb));
  float between = abs(turn(ga.x - gb.x)) / 3.14159265;
  float na = same ? ta : ta + uBundling * turn(ga.x - ta);
  float nb = same ? tb : tb + uBundling * turn(gb.x - tb);
  float depth = same ? .93 - .45 * min(1., apart * 1.4) : mix(.8, .06, smoothstep(0., .62, between));
  float rim = same ? .96 : mix(.9, .66, smoothstep(0., .4, between));
  float pull = same ? 0. : .55 * uBundling;
  P[1] = polar(na, uInner * rim);
  P[2] = polar(na + pull * turn(ga.z - na), uInner * depth);
  P[3] = polar(nb + pull * turn(gb.z - nb), uInner * depth);
  P[4] = polar(nb, uInner * rim);
  vec2 d = normalize(b - a);
  vec2 n = vec2(-d.y, d.x) * uSpread;
  P[2] += n; P[3] += n;
}

void controls(vec2 a, vec2 b, vec4 ga, vec4 gb, bool same) {
  bundle(a, b, ga, gb, same);
  straighten(a, b);
}

vec2 curve(float t) {
  float u = 1. - t, u2 = u * u, t2 = t * t;
  return u2*u2*u*P[0] + 5.*u2*u2*t*P[1] + 10.*u2*u*t2*P[2] + 10.*u2*t2*t*P[3] + 5.*u*t2*t2*P[4] + t2*t2*t*P[5];
}

vec2 tangent(float t) {
  float u = 1. - t, u2 = u * u, t2 = t * t;
  vec2 d = u2*u2*(P[1]-P[0]) + 4.*u2*u*t*(P[2]-P[1]) + 6.*u2*t2*(P[3]-P[2]) + 4.*u*t2*t*(P[4]-P[3]) + t2*t2*(P[5]-P[4]);
  return normalize(d + vec2(1e-5, 0));
}
`;

export const CHORD_VERTEX = `${COMMON}${CURVE}
layout(location=0) in uint aCall;
layout(location=1) in uint aRole;   // 0 plain, 1 a caller's, 2 a callee's
uniform int uSegments;
uniform float uWidth, uGain, uFloor, uInside;
uniform vec3 uCaller, uCallee, uFailing, uAdded, uRemoved, uSame;
uniform vec2 uFail;                 // where red begins and where it is full
uniform bool uCompare;              // the failed share carries the code of a change
flat out float vDash;               // length of a dash and its gap, 0: none
out float vAlong;
out vec4 vColor;
out float vAcross;
out float vHalf;

void main() {
  float t = float(gl_VertexID >> 1) / float(uSegments);
  float side = float(gl_VertexID & 1) * 2. - 1.;
  uvec2 ends = texelFetch(uEnds, at(aCall), 0).xy;
  vec2 value = texelFetch(uCalls, at(aCall), 0).xy;   // weight 0..1, failed share
  float change = uCompare ? floor(value.y * .5 + .001) : 0.;   // same, new, gone, more, less
  value.y -= change * 2.;
  vec4 a = place(ends.x), b = place(ends.y);
  vec4 ga = gate(a.z), gb = gate(b.z);
  controls(a.xy, b.xy, ga, gb, a.z == b.z);
  vec2 s = toScreen(curve(t));
  vec2 d = tangent(t);
  float w = (.55 + 1.9 * value.x * value.x) * uWidth;
  if (aRole > 0u) w = w * 1.25 + .35;
  if (change > .5) w = change < 2.5 ? w * 1.3 + .4 : change < 3.5 ? w * 1.9 : w * .55;
  float reach = w * .5 + .75 * uPixel;
  gl_Position = toClip(s + vec2(-d.y, d.x) * side * reach);
  float failing = smoothstep(uFail.x, uFail.y, value.y);
  vec3 c = mix(hue(ga.y), hue(gb.y), smoothstep(.15, .85, t));
  c = mix(c, vec3(1., .23, .12), failing);
  float inside = ga.w == gb.w ? uInside : 1.15;
  float g = uGain * (uFloor + 2.4 * value.x * value.x * value.x) * (1. + failing * 2.4) * (.5 + .7 * t) * inside;
  if (aRole == 1u) { c = uCaller; g = uGain * (.35 + value.x); }
  if (aRole == 2u) { c = uCallee; g = uGain * (.35 + value.x); }
  if (uCompare) {
    bool differs = change > .5 && change < 2.5;
    c = differs ? (change < 1.5 ? uAdded : uRemoved) : uSame;
    float plain = uGain * (uFloor + 1.2 * value.x) * (.5 + .7 * t);
    g = differs ? uGain * (1.1 + 3. * value.x) * (.6 + .5 * t) : change > 2.5 ? plain * (uLight ? .35 : .5) : plain * .13;
    if (aRole > 0u && !differs) g = uGain * (.2 + .5 * value.x);
  }
  vDash = change > 1.5 && change < 2.5 ? 15. : 0.;
  float way = 0.;
  for (int i = 0; i < 5; i++) way += length(P[i + 1] - P[i]);
  vAlong = t * way * .85 * uCamera.z;
  if (uLight && aRole == 0u && !uCompare) c = mix(c, vec3(dot(c, vec3(.3, .5, .2))), .1);
  vColor = vec4(uLight ? vec3(1.04) - c : c, g);
  vAcross = side * reach;
  vHalf = w * .5;
}`;

export const CHORD_FRAGMENT = `${HEAD}
in vec4 vColor;
in float vAcross;
in float vHalf;
in float vAlong;
flat in float vDash;
uniform float uPixel;
out vec4 color;
void main() {
  float soft = .55 * uPixel;
  float a = 1. - smoothstep(max(0., vHalf - soft), vHalf + soft, abs(vAcross));
  if (vDash > 0.) {
    float x = abs(fract(vAlong / vDash) - .5) * vDash;   // 0 in the middle of a dash
    a *= 1. - smoothstep(vDash * .3 - soft, vDash * .3 + soft, x);
  }
  color = vec4(vColor.rgb * vColor.a * a, 1);
}`;

export const COMET_VERTEX = `${COMMON}${CURVE}
layout(location=0) in uint aCall;
layout(location=1) in uint aRole;
layout(location=2) in vec3 aMotion;  // phase, turns in 600 s, lot 0..1
uniform float uTime;                 // 0..1, one turn in 600 s
uniform float uGain, uSize;
uniform vec3 uCaller, uCallee;
out vec4 vColor;
out vec2 vQ;

void main() {
  // A strip of four pieces along the curve: q.x runs from the tail (-1) to the head (1).
  vec2 q = vec2(float(gl_VertexID >> 1) * .5 - 1., float(gl_VertexID & 1) * 2. - 1.);
  uvec2 ends = texelFetch(uEnds, at(aCall), 0).xy;
  vec2 value = texelFetch(uCalls, at(aCall), 0).xy;
  vec4 a = place(ends.x), b = place(ends.y);
  vec4 ga = gate(a.z), gb = gate(b.z);
  controls(a.xy, b.xy, ga, gb, a.z == b.z);
  float way = aMotion.x + uTime * aMotion.y;
  float t = fract(way);
  float tail = (18. + 48. * value.x * value.x) * uSize;
  float wide = (.95 + value.x) * uSize;
  if (ga.w == gb.w) tail *= .6;
  float pace = max(1., length(curve(min(1., t + .01)) - curve(max(0., t - .01))) * 50. * uCamera.z);   // pixels for t = 1
  float here = max(0., t + (q.x * .5 - .5) * min(.5, tail / pace));
  vec2 d = tangent(here);
  vec2 s = toScreen(curve(here)) + vec2(-d.y, d.x) * q.y * wide * 2.;
  gl_Position = toClip(s);
  // Each lap draws another lot, evenly spread, so that in time the failed share is that of the calls.
  bool failed = fract(aMotion.z + floor(way) * .61803399) < value.y;
  vec3 own = mix(hue(ga.y), vec3(1), .45);
  if (aRole == 1u) own = mix(uCaller, vec3(1), .3);
  if (aRole == 2u) own = mix(uCallee, vec3(1), .4);
  vec3 c = failed ? vec3(1., .3, .14) : own;
  if (uLight) c = vec3(1.04) - (failed ? vec3(.9, .1, .05) : aRole > 0u ? own * .6 : hue(ga.y) * .62);
  float fade = smoothstep(0., .06, t) * smoothstep(1., .94, t);
  vColor = vec4(c, uGain * fade * (failed ? 2.2 : 1.));
  vQ = q;
}`;

export const COMET_FRAGMENT = `${HEAD}
in vec4 vColor;
in vec2 vQ;
out vec4 color;
void main() {
  float x = vQ.x * .5 + .5;
  float a = exp(-vQ.y * vQ.y * 4.) * x * x * x * smoothstep(1., .86, x) * 1.5;
  color = vec4(vColor.rgb * vColor.a * a, 1);
}`;

export const SERVICE_VERTEX = `${COMMON}
layout(location=0) in uint aService;
uniform vec2 uHealth;   // degraded, failing
out vec2 vQ;
flat out float vRadius, vHalo, vHue, vKind, vError, vState, vRank;
void main() {
  vec2 q = vec2(float(gl_VertexID & 1), float(gl_VertexID >> 1)) * 2. - 1.;
  vec4 p = place(aService), l = look(aService);   // radius, failed share, state, rank
  float r = max(l.x * uCamera.z, .7);
  float halo = l.y > uHealth.y ? r + 14. : l.y > uHealth.x ? r * .8 + 8. : 2.;
  if (l.z > 3.5) halo = max(halo, 22.);
  float reach = r * 1.25 + halo + 2.;
  gl_Position = toClip(toScreen(p.xy) + q * reach);
  vQ = q * reach;
  vRadius = r; vHalo = halo; vKind = p.w; vHue = gate(p.z).y; vError = l.y; vState = l.z; vRank = l.w;
}`;

export const SERVICE_FRAGMENT = `${HEAD}
in vec2 vQ;
flat in float vRadius, vHalo, vHue, vKind, vError, vState, vRank;
uniform vec3 uHue[8];
uniform vec3 uDegraded, uFailing, uCaller, uCallee, uFocus, uPaper;
uniform vec2 uHealth;
uniform float uHueScale;
uniform bool uLight;
out vec4 color;

// Distances to the outline in pixels, negative inside. They and the circle cover about the same area.
float database(vec2 q, float r) {
  float w = r * .9, h = r * .72, cap = r * .34;
  vec2 top = vec2(q.x, (q.y + h) * (w / cap));
  vec2 low = vec2(q.x, (q.y - h) * (w / cap));
  float body = max(abs(q.x) - w, abs(q.y) - h);
  return min(body, min((length(top) - w) * (cap / w), (length(low) - w) * (cap / w)));
}
float diamond(vec2 q, float r) { return (abs(q.x) + abs(q.y) - r * 1.28) * .7071; }
float person(vec2 q, float r) {
  float head = length(q - vec2(0, -r * .5)) - r * .46;
  float body = max((length((q - vec2(0, r * .95)) * vec2(1. / .95, 1. / .85)) - r) * .85, q.y - r * .95);
  return min(head, body);
}
float shape(vec2 q, float r) {
  if (r < 2.5) return length(q) - r;
  if (vKind < .5) return length(q) - r;
  if (vKind < 1.5) return database(q, r);
  if (vKind < 2.5) return diamond(q, r);
  if (vKind < 3.5) return abs(length(q) - r * .82) - max(r * .2, .9);
  if (vKind > 4.5) return min(length(q) - r * .66, abs(length(q) - r * .95) - max(r * .09, .7));
  return person(q, r);
}

void main() {
  float d = shape(vQ, vRadius);
  float round_ = length(vQ) - vRadius;
  vec3 own = uLight ? uHue[int(vHue) & 7] * .62 : mix(uHue[int(vHue) & 7], vec3(1), .55);
  vec3 c = mix(own, uDegraded, smoothstep(uHealth.x * .9, uHealth.x * 1.05, vError));
  c = mix(c, uFailing, smoothstep(uHealth.y * .9, uHealth.y * 1.05, vError));
  bool failing = vError > uHealth.y;
  if (vState > 1.5 && vState < 2.5 && !failing) c = uCaller;
  if (vState > 2.5 && vState < 3.5 && !failing) c = uCallee;
  if (vState > 3.5) c = failing ? uFailing : uFocus;
  float dim = vState > .5 && vState < 1.5 ? .2 : 1.;
  float core = 1. - smoothstep(-.6, .6, d);
  float sick = vError > uHealth.x ? (failing ? .6 : .4) : 0.;
  float h = max(0., 1. - round_ / vHalo);
  float halo = (1. - core) * min(1., h * h) * smoothstep(-.2, 0., round_ / max(vRadius, 1.)) * sick * dim;
  float a = core * mix(.3, 1., vRank) * dim;
  float lift = uLight ? 1. : mix(.86, 1.14, clamp(-d / max(vRadius, 1.), 0., 1.));
  vec3 rgb = c * lift * a;
  if (vRadius > 4. && vKind < 2.5) {
    // A darker rim sets large ones off against the chords; the lid of a database is drawn with it.
    float rim = smoothstep(-2., -1.2, d) * core;
    if (vKind > .5 && vKind < 1.5) {
      float lid = length(vec2(vQ.x, (vQ.y + vRadius * .72) * (.9 / .34))) - vRadius * .9;
      rim = max(rim, core * (1. - smoothstep(.4, 1.6, abs(lid * .5))) * step(-vRadius * .72, vQ.y));
    }
    rgb = mix(rgb, mix(uPaper, c, .35) * a, rim * .6);
  }
  if (vState > 3.5) {
    float far = length(vQ);
    float ring = (1. - smoothstep(.6, 1.5, abs(far - vRadius * 1.25 - 5.))) * .95 + (1. - smoothstep(.4, 1.2, abs(far - vRadius * 1.25 - 11.))) * .35;
    ring *= 1. - core;
    rgb += uFocus * ring; a = max(a, ring);
  }
  color = vec4(rgb + c * halo * (uLight ? .7 : 1.), a + halo * (uLight ? .7 : .15));
}`;

export const ARC_VERTEX = `${COMMON}
layout(location=0) in vec4 aArc;    // middle, span, hue, number of services
layout(location=1) in uint aGroup;
uniform float uFrom, uTo, uFill, uHueScale, uPadding;
uniform int uActive;                // group in focus, −1 none
out vec4 vColor;
out float vAcross;
void main() {
  float t = float(gl_VertexID >> 1) / 96.;
  float side = float(gl_VertexID & 1);
  float a = aArc.x + (t - .5) * (aArc.y + uPadding);
  gl_Position = toClip(toScreen(polar(a, mix(uFrom, uTo, side))));
  float lit = uActive < 0 ? 1. : uActive == int(aGroup) ? 1.6 : .5;
  vColor = vec4(hue(aArc.z) * uHueScale, uFill * lit);
  vAcross = side;
}`;

export const ARC_FRAGMENT = `${HEAD}
in vec4 vColor;
in float vAcross;
uniform float uFade;
out vec4 color;
void main() {
  float a = min(1., vColor.a) * mix(1., vAcross * vAcross, uFade);
  color = vec4(vColor.rgb * a, a);
}`;

export const SCREEN_VERTEX = `${HEAD}
out vec2 vUv;
void main() {
  vec2 p = vec2(float((gl_VertexID << 1) & 2), float(gl_VertexID & 2));
  vUv = p;
  gl_Position = vec4(p * 2. - 1., 0, 1);
}`;

export const BLUR_FRAGMENT = `${HEAD}
uniform sampler2D uSource;
uniform vec2 uStep;
in vec2 vUv;
out vec4 color;
void main() {
  float w[5] = float[5](.227, .1946, .1216, .0541, .0162);
  vec3 s = texture(uSource, vUv).rgb * w[0];
  for (int i = 1; i < 5; i++) {
    s += texture(uSource, vUv + uStep * float(i) * 1.35).rgb * w[i];
    s += texture(uSource, vUv - uStep * float(i) * 1.35).rgb * w[i];
  }
  color = vec4(s, 1);
}`;

export const COMPOSE_FRAGMENT = `${HEAD}
uniform sampler2D uBase, uBase1, uBase2, uBase3, uFocusLayer, uFocus1, uFocus2, uFocus3, uLive;
uniform float uDim, uHasFocus, uHasLive;
uniform vec3 uBloom, uFrom, uTo;
uniform vec2 uCentre, uAspect;
uniform bool uLight;
in vec2 vUv;
out vec4 color;
void main() {
  vec3 x = texture(uBase, vUv).rgb * uDim;
  if (uHasLive > 0.) x += texture(uLive, vUv).rgb * uHasLive;
  vec3 b = vec3(0);
  if (uBloom.x > 0.) b = (texture(uBase1, vUv).rgb * uBloom.x + texture(uBase2, vUv).rgb * uBloom.y + texture(uBase3, vUv).rgb * uBloom.z) * uDim;
  if (uHasFocus > 0.) {
    x += texture(uFocusLayer, vUv).rgb * uHasFocus;
    if (uBloom.x > 0.) b += (texture(uFocus1, vUv).rgb * uBloom.x + texture(uFocus2, vUv).rgb * uBloom.y + texture(uFocus3, vUv).rgb * uBloom.z) * 1.15 * uHasFocus;
  }
  vec3 paper = mix(uFrom, uTo, smoothstep(0., 1., length((vUv - uCentre) * uAspect)));
  if (uLight) {
    vec3 ink = x + b * .35;
    float m = max(ink.r, max(ink.g, ink.b));
    vec3 k = ink / max(m, 1e-4);
    k = pow(k, vec3(1. + .5 * smoothstep(.5, 3., m)));
    color = vec4(paper * exp(-k * 1.75 * (1. - exp(-m * .75))), 1);
  } else {
    vec3 sum = x + b;
    float m = max(sum.r, max(sum.g, sum.b));
    vec3 c = sum * (1. - exp(-m * 1.25)) / max(m, 1e-4);
    c = mix(c, vec3(1. - exp(-m * .9)), smoothstep(.9, 4., m) * .7);
    color = vec4(paper + c * (1. - paper), 1);
  }
}`;
