def write(folder):
    del folder
