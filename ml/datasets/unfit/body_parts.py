"""Radiographs of the chest from the side and of other body parts, drawn by chance."""

from __future__ import annotations

import cv2
import numpy as np

from ml.contracts import FloatImage
from ml.datasets.unfit.canvas import at, blurred, ellipse, filled, finished, polygon, smooth_noise


def draw_lateral(chance: np.random.Generator) -> FloatImage:
    """Draw a chest from the side: one field of lung, spine behind it, heart and sternum in front."""
    image = filled(chance.uniform(0, 0.15))
    tissue = chance.uniform(0.5, 0.8)
    front, back = chance.uniform(20, 60), chance.uniform(195, 235)
    trunk = [(front + 60, 0), (back - 20, 0), (back, 80), (back - 5, 256), (front - 5, 256), (front, 120)]
    polygon(image, [*trunk, (front + 25, 50)], tissue)
    dome = chance.uniform(150, 200)
    lung = [
        (115, 25),
        (back - 35, 40),
        (back - 15, 110),
        (back - 22, dome + 45),
        (130, dome),
        (front + 15, dome),
    ]
    polygon(image, [*lung, (front + 18, 90)], tissue * chance.uniform(0.2, 0.55))
    heart = filled(0.0)
    ellipse(heart, (front + 65, dome - 35), (50, 38), chance.uniform(0.15, 0.4), angle=-25)
    spine = filled(0.0)
    lean = chance.uniform(-10, 10)
    for level in range(12):
        ellipse(spine, (back - 30 + lean * np.sin(level / 4), 25 + 19 * level), (12, 7), 0.2)
    ribs = filled(0.0)
    for level in range(9):
        centre = (130, int(30 + 18 * level))
        cv2.ellipse(ribs, centre, (90, 25), 20, 0, 100, 0.1, 3, cv2.LINE_AA)
    image = image + blurred(heart, 8) + blurred(spine, 2) + blurred(ribs, 1.5)
    if chance.random() < 0.5:
        image = image[:, ::-1]
    return finished(image, chance, blur=(1.5, 4.0))


def draw_limb(chance: np.random.Generator) -> FloatImage:
    """Draw an arm, leg, elbow or knee: one or two long bones on each side of a joint."""
    tissue, bone = filled(0.0), filled(0.0)
    joint, flesh = chance.uniform(90, 165), chance.uniform(30, 75)
    cv2.line(tissue, (128, -20), (128, 280), 1.0, int(2 * flesh), cv2.LINE_AA)
    for start, end in ((-20, joint - 6), (joint + 6, 280)):
        for offset in ((0,), (-0.4, 0.4))[int(chance.integers(2))]:
            x = 128 + offset * flesh
            width = chance.uniform(0.18, 0.42) * flesh
            head = joint - 10 if start < 0 else joint + 10
            cv2.line(bone, at(x, start), at(x, end), 1.0, max(2, int(2 * width)), cv2.LINE_AA)
            cv2.line(bone, at(x, start), at(x, end), 0.6, max(1, int(width)), cv2.LINE_AA)
            ellipse(bone, (x, head), (1.6 * width, 12), 0.95)
    image = chance.uniform(0.15, 0.4) * blurred(tissue, 5) + 0.5 * blurred(bone, 1.5)
    return finished(image, chance, blur=(0.5, 2), turn=180)


def draw_hand(chance: np.random.Generator) -> FloatImage:
    """Draw a hand or foot: five rows of small bones in soft tissue."""
    tissue, bone = filled(0.0), filled(0.0)
    root = np.array([128.0, chance.uniform(180, 210)])
    spread = chance.uniform(0.08, 0.3)
    for finger in range(5):
        angle = (finger - 2) * spread + chance.normal(0, 0.03)
        direction = np.array([np.sin(angle), -np.cos(angle)])
        start, length = root + (finger - 2) * np.array([9.0, 0]), chance.uniform(0.8, 1.1)
        cv2.line(tissue, at(*start), at(*(start + 150 * length * direction)), 1.0, 26, cv2.LINE_AA)
        for segment in (58, 38, 26, 18):
            end = start + segment * length * direction
            cv2.line(bone, at(*(start + 3 * direction)), at(*(end - 3 * direction)), 0.9, 8, cv2.LINE_AA)
            start = end
    ellipse(tissue, (128, root[1] - 20), (55, 60), 1.0)
    cv2.line(tissue, at(*root), (128, 280), 1.0, 66, cv2.LINE_AA)
    for offset in (-14, 14):
        cv2.line(bone, at(128 + offset, root[1] + 25), at(128 + offset, 280), 0.9, 18, cv2.LINE_AA)
    for _ in range(8):
        ellipse(bone, (128 + chance.normal(0, 20), root[1] + chance.normal(5, 8)), (9, 8), 0.85)
    image = chance.uniform(0.15, 0.4) * blurred(tissue, 4) + 0.5 * blurred(bone, 1.2)
    return finished(image, chance, blur=(0.4, 1.5), turn=180)


def draw_skull(chance: np.random.Generator) -> FloatImage:
    """Draw a skull from the front or the side: vault, orbits, jaw, teeth."""
    image = filled(chance.uniform(0, 0.1))
    ellipse(image, (128, 100), (chance.uniform(75, 105), 95), 0.9)
    ellipse(image, (128, 100), (chance.uniform(65, 74), 86), chance.uniform(0.45, 0.7))
    polygon(image, [(75, 140), (180, 140), (165, 240), (128, 252), (90, 240)], chance.uniform(0.5, 0.8))
    if chance.random() < 0.5:
        for side in (-1, 1):
            ellipse(image, (128 + side * 32, 125), (22, 18), chance.uniform(0.15, 0.45))
        polygon(image, [(128, 140), (112, 178), (144, 178)], 0.25)
    cv2.line(image, (100, 205), (158, 205), 1.0, 10, cv2.LINE_AA)
    for x in range(102, 160, 8):
        cv2.line(image, (x, 200), (x, 210), 0.5, 1, cv2.LINE_AA)
    return finished(image + 0.08 * smooth_noise(chance, 12), chance, blur=(1, 3))


def draw_spine(chance: np.random.Generator) -> FloatImage:
    """Draw a lumbar or cervical spine: a column of vertebrae with discs between them."""
    image = filled(chance.uniform(0.2, 0.55)) + 0.1 * smooth_noise(chance, 25)
    wide, high = chance.uniform(18, 45), chance.uniform(10, 20)
    bend, lean = chance.uniform(0, 30), chance.uniform(0, 6)
    for level, y in enumerate(np.arange(-10, 270, 2.4 * high)):
        x = 128 + bend * np.sin(y / 256 * np.pi + lean)
        corners = [(x - wide, y - high), (x + wide, y - high), (x + wide, y + high), (x - wide, y + high)]
        polygon(image, corners, chance.uniform(0.7, 0.95))
        if level % 2:
            ellipse(image, (x, y), (0.25 * wide, 0.6 * high), 1.0)
    return finished(image, chance, blur=(1, 3))


def draw_pelvis(chance: np.random.Generator) -> FloatImage:
    """Draw a pelvis: iliac wings, sacrum, hip joints, femurs."""
    image = filled(chance.uniform(0.1, 0.35))
    ellipse(image, (128, 140), (125, 130), chance.uniform(0.35, 0.5))
    bone = chance.uniform(0.65, 0.95)
    for side in (-1, 1):
        ellipse(image, (128 + side * 72, 90), (48, 62), bone, angle=side * 25)
        ellipse(image, (128 + side * 68, 85), (32, 42), 0.8 * bone, angle=side * 25)
        cv2.ellipse(image, at(128 + side * 38, 180), (34, 26), 0, 0, 360, bone, 12, cv2.LINE_AA)
        ellipse(image, (128 + side * 92, 158), (21, 21), bone)
        cv2.line(image, at(128 + side * 95, 165), at(128 + side * 112, 265), bone, 26, cv2.LINE_AA)
    polygon(image, [(95, 60), (161, 60), (140, 150), (116, 150)], bone)
    cv2.line(image, (128, 0), (128, 70), bone, 36, cv2.LINE_AA)
    return finished(image, chance, blur=(1.5, 4))


def draw_abdomen(chance: np.random.Generator) -> FloatImage:
    """Draw an abdomen: soft tissue, bowel gas by chance, the lumbar spine, the pelvic rim."""
    image = filled(chance.uniform(0.4, 0.65)) + 0.08 * smooth_noise(chance, 20)
    gas = filled(0.0)
    for _ in range(int(chance.integers(4, 22))):
        centre = chance.uniform(40, 216), chance.uniform(30, 226)
        ellipse(gas, centre, tuple(chance.uniform(6, 28, 2)), 1.0, angle=chance.uniform(0, 180))
    image -= chance.uniform(0.15, 0.4) * blurred(gas, 3)
    for y in range(-5, 190, 30):
        polygon(image, [(106, y), (150, y), (148, y + 24), (108, y + 24)], chance.uniform(0.7, 0.9))
    for side in (-1, 1):
        ellipse(image, (128 + side * 80, 225), (50, 60), chance.uniform(0.65, 0.85), angle=side * 25)
    return finished(image, chance, blur=(2, 4))
