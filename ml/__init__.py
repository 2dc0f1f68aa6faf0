"""Models and images, without Django: everything that touches TensorFlow, OpenVINO or OpenCV."""
