using System.Diagnostics;
using System.Globalization;
using System.Text;
using Microsoft.Win32.SafeHandles;
using Sluice.Formats.Oci;
using Sluice.Kernel.Fuse;
using Sluice.Kernel.Mounts;
using Sluice.Storage.Cache;
using Sluice.Storage.Disks;
using Sluice.Storage.Fetching;
using Sluice.Storage.Images;
using Sluice.Storage.Sources;

namespace Sluice.Bench;

/// <summary>
/// Records which chunks the kernel asks for while programs run in RAFS images, for tests of eviction. Each step mounts an image anew, as the page cache would hide what a step before it has
/// read, and runs a command in it. Needs root.
/// </summary>
internal sealed class ReadRecorder
{
    private readonly Dictionary<(string Blob, int Number), int> _ids = [];
    private readonly List<int> _lengths = [];
    private readonly List<int> _reads = [];

    /// <param name="steps">File with a step a line: an OCI layout and its tag, <c>DIR:TAG</c>, a space, a shell command.</param>
    /// <param name="target">File that the recording is written to.</param>
    public static async Task RunAsync(string steps, string target)
    {
        string scratch = Directory.CreateTempSubdirectory("sluice-bench-").FullName;
        var recorder = new ReadRecorder();
        try
        {
            using CacheDirectory directory = new(Path.Combine(scratch, "cache"));
            using Fetcher fetcher = new();
            await using MountProcess mounts = MountProcess.Start(new MountProcessOptions(), Console.Error.WriteLine);
            await using DiskServer server = await DiskServer.StartAsync(new DiskServerOptions { MountPoint = Path.Combine(scratch, "disks") }, Console.Error.WriteLine);
            string root = Directory.CreateDirectory(Path.Combine(scratch, "root")).FullName;
            foreach (string line in File.ReadLines(steps).Where(line => line.Length > 0))
                await recorder.RunStepAsync(line[..line.IndexOf(' ')], line[(line.IndexOf(' ') + 1)..], directory, fetcher, mounts, server, root);
            File.WriteAllText(target, recorder.Write());
        }
        finally
        {
            Directory.Delete(scratch, recursive: true);
        }
    }

    private async Task RunStepAsync(string layout, string command, CacheDirectory directory, Fetcher fetcher, MountProcess mounts, DiskServer server, string root)
    {
        ImageReference reference = ImageReference.Parse("oci:" + layout);
        await using IImageStore store = ImageStores.Open(reference, new SourceOptions());
        StoredImage source = await ImageResolver.ResolveAsync(store, reference.TagOrDigest, Platform.Host, preferAccelerated: true, CancellationToken.None);
        RemoteRafsImage image = await RafsImageLoader.LoadAsync(source, CancellationToken.None);
        string bootstrap = root + ".boot";
        File.WriteAllBytes(bootstrap, image.Bootstrap.ToArray());
        IReadOnlyList<IDisk> disks = await new ImageDisks(directory, fetcher).OpenAsync(image.Image, store.Sources, "", null, null, CancellationToken.None);
        List<string> names = [];
        try
        {
            List<string> devices = [];
            foreach (FilesystemDisk disk in disks.Cast<FilesystemDisk>())
            {
                names.Add(disk.Name);
                devices.Add(server.Add(new Recorded(disk, this)));
            }

            await mounts.MountErofsAsync(new ErofsMount { Bootstrap = bootstrap, Devices = devices, Target = root });
            string script = $"mount -t tmpfs none {root}/tmp && mount --bind /dev {root}/dev; chroot {root} /bin/sh -c '{command}' >/dev/null; code=$?; umount {root}/tmp {root}/dev; exit $code";
            using Process shell = Process.Start("/bin/sh", ["-c", script]);
            await shell.WaitForExitAsync();
            Console.WriteLine($"{command}: exit {shell.ExitCode}; {_reads.Count} reads of {_lengths.Count} chunks, {_lengths.Sum() >> 20} MiB so far");
        }
        finally
        {
            MountCalls.Detach(root);
            foreach (string name in names) await server.RemoveAsync(name);
        }
    }

    private void Note(FilesystemDisk disk, long offset, long length)
    {
        IBlobFormat format = disk.Reader.Format;
        lock (_ids)
        {
            for (int slot = format.Find(offset); slot < format.Count && format.GetExtent(slot) is var chunk && chunk.Offset < offset + length; slot++)
            {
                if (!_ids.TryGetValue((disk.Name, chunk.Number), out int id))
                {
                    _ids.Add((disk.Name, chunk.Number), id = _ids.Count);
                    _lengths.Add(chunk.Length);
                }

                if (_reads.Count == 0 || _reads[^1] != id) _reads.Add(id);
            }
        }
    }

    /// <summary>Two lines: lengths of chunks, in the order of their first reads, as <c>LENGTHxCOUNT</c>; what was read, in order, runs as <c>FIRST-LAST</c>.</summary>
    private string Write()
    {
        StringBuilder text = new();
        for (int first = 0, next; first < _lengths.Count; first = next)
        {
            for (next = first + 1; next < _lengths.Count && _lengths[next] == _lengths[first];) next++;
            text.Append(CultureInfo.InvariantCulture, $"{(first == 0 ? "" : " ")}{_lengths[first]}x{next - first}");
        }

        text.Append('\n');
        for (int first = 0, next; first < _reads.Count; first = next)
        {
            for (next = first + 1; next < _reads.Count && _reads[next] == _reads[next - 1] + 1;) next++;
            text.Append(first == 0 ? "" : " ").Append(CultureInfo.InvariantCulture, $"{_reads[first]}");
            if (next - first > 1) text.Append(CultureInfo.InvariantCulture, $"-{_reads[next - 1]}");
        }

        return text.Append('\n').ToString();
    }

    private sealed class Recorded(FilesystemDisk disk, ReadRecorder recorder) : IDisk
    {
        public string Name => disk.Name;

        public long Length => disk.Length;

        public SafeFileHandle? CompleteFile => null; // or the kernel would read by itself

        public bool TryRead(long offset, Span<byte> destination)
        {
            if (!disk.TryRead(offset, destination)) return false;
            recorder.Note(disk, offset, destination.Length);
            return true;
        }

        public ValueTask<DiskError> ReadAsync(long offset, Memory<byte> destination)
        {
            recorder.Note(disk, offset, destination.Length);
            return disk.ReadAsync(offset, destination);
        }

        public void Dispose() => disk.Dispose();
    }
}
