# What CPython asks of WASI: files, directories, links, time, waiting, randomness, its standard streams.
import hashlib, json, os, re, select, shutil, sys, time

print(sys.version_info[:2] >= (3, 11), sys.platform, sys.argv[1:], os.environ["GREETING"])
os.chdir("/d")
print(sorted(os.listdir(".")))
with open("a.txt", "w") as file:
    file.write("hello\nworld\n")
print(open("a.txt").read().split(), os.stat("a.txt").st_size)
os.rename("a.txt", "b.txt")
print(os.path.exists("a.txt"), os.path.isfile("b.txt"))
os.mkdir("sub")
with open("sub/bytes", "wb") as file:
    file.write(bytes(range(256)))
with open("sub/bytes", "r+b") as file:
    file.seek(100)
    print(file.read(3), file.tell(), file.seek(-1, 2), file.read(), file.truncate(10))
print(os.path.getsize("sub/bytes"))
os.utime("sub/bytes", ns=(1, 2))
print(os.stat("sub/bytes").st_mtime_ns)
os.symlink("bytes", "sub/link")
os.link("sub/bytes", "sub/hard")
print(os.readlink("sub/link"), os.path.islink("sub/link"), os.stat("sub/hard").st_nlink)
print([(entry.name, entry.is_file()) for entry in sorted(os.scandir("sub"), key=lambda entry: entry.name)])
for path in ("/etc/passwd", "../etc/passwd", "/d/../../etc/passwd", "missing", "sub"):
    try:
        open(path)
        print("opened", path)
    except OSError as error:
        print(type(error).__name__)
print(json.dumps({"a": [1, 2.5, None, True], "b": "\u00fc"}, sort_keys=True), json.loads('{"x": [1, {"y": 2}]}'))

begin = time.monotonic()
print(len(select.select([], [sys.stdout], [], 5)[1]), time.monotonic() - begin < 4)
print(len(select.select([sys.stdin], [], [], 5)[0]))
begin = time.monotonic()
time.sleep(0.05)
print(0.05 <= time.monotonic() - begin < 4, time.time() > 1_500_000_000)
print(sys.stdin.readline(), sys.stdin.read().split())
print(hashlib.sha256(b"x").hexdigest()[:16], re.sub(r"(\w+)", lambda match: match[1].upper(), "a b"))
print(len(os.urandom(32)), os.urandom(16) != os.urandom(16))
shutil.rmtree("sub")
print(sorted(os.listdir(".")))
sys.stderr.write("to the end\n")
sys.exit(3)
