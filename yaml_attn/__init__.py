"""Insert attention layers into YOLO configs, provably right."""
