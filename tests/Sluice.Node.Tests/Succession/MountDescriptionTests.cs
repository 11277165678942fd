using Sluice.Formats;
using Sluice.Node.Succession;
using Sluice.Testing;

namespace Sluice.Node.Tests.Succession;

public sealed class MountDescriptionTests
{
    private static readonly MountRecord Record = new()
    {
        Key = "snapshot-7",
        Reference = "docker://r/app:v1",
        Manifest = "sha256:00",
        Target = "/run/sluice/images/snapshot-7",
        OwnsTarget = true,
        Layer = "/var/lib/sluice/snapshots/7/block",
        FileSystem = "ext4",
        Disks = [new DiskRecord("snapshot-7-0-1", 4096, Place: 3)],
    };

    [Fact]
    public void A_successor_reads_what_was_written()
    {
        using TemporaryDirectory directory = new();
        MountDescription written = Open(directory);
        var connection = new ConnectionRecord("disks", Connection: 53, ProtocolMinor: 45, Passthrough: true, Resend: true, Epoch: 2);
        written.Write(connection);
        written.Write(Record);
        written.Write(Record with { Key = "other", Disks = [] });
        written.Update("snapshot-7", record => record with { Mount = new MountIdentity(61, 7, 3, "/dev/loop3") });
        written.Register("snapshot-7-0-1", backingId: 9);
        written.Remove("other");

        MountDescription read = Open(directory);
        Assert.Equal(connection, read.Connection("disks"));
        MountRecord mount = Assert.Single(read.Mounts);
        Assert.Equal(new MountIdentity(61, 7, 3, "/dev/loop3"), mount.Mount);
        Assert.Equal(new DiskRecord("snapshot-7-0-1", 4096, Place: 3, BackingId: 9), Assert.Single(mount.Disks));
        Assert.Equal(Record.Layer, mount.Layer);
    }

    [Fact]
    public void A_newer_version_is_refused_and_stays_as_it_is()
    {
        using TemporaryDirectory directory = new();
        Open(directory).Write(Record);
        string file = directory.File("mounted/snapshot-7.json"), newer = File.ReadAllText(file).Replace($"\"version\": {MountDescription.Version}", $"\"version\": {MountDescription.Version + 1}", StringComparison.Ordinal);
        File.WriteAllText(file, newer);
        SluiceException refused = Assert.Throws<SluiceException>(() => Open(directory));
        Assert.Equal(SluiceError.Configuration, refused.Error);
        Assert.Contains("newer", refused.Message, StringComparison.Ordinal);
        Assert.Equal(newer, File.ReadAllText(file));
    }

    [Fact]
    public void An_older_version_is_accepted_and_what_it_lacks_means_nothing()
    {
        using TemporaryDirectory directory = new();
        Directory.CreateDirectory(directory.File("mounted"));
        File.WriteAllText(directory.File("mounted/old.json"), """{ "version": 0, "key": "old", "reference": "oci:/x:v1", "manifest": "sha256:00", "target": "/mnt", "disks": [{ "name": "d", "length": 4096, "place": 3 }] }""");
        MountRecord old = Assert.Single(Open(directory).Mounts);
        Assert.Equal(("/mnt", false, false, 0), (old.Target, old.OnLoop, old.IsWritable, old.Disks[0].BackingId));
    }

    [Theory]
    [InlineData("")]
    [InlineData("{ \"version\": 1, \"key\": \"snap")]
    [InlineData("{ \"version\": 1, \"key\": \"of another file\", \"reference\": \"r\", \"manifest\": \"m\" }")]
    [InlineData("[]")]
    public void A_damaged_record_counts_as_missing(string content)
    {
        using TemporaryDirectory directory = new();
        Open(directory).Write(Record with { Key = "good" });
        File.WriteAllText(directory.File("mounted/bad.json"), content);
        List<string> log = [];
        Assert.Equal("good", Assert.Single(MountDescription.Open(directory.File("mounted"), log.Add).Mounts).Key);
        Assert.Contains("bad.json", Assert.Single(log), StringComparison.Ordinal);
    }

    private static MountDescription Open(TemporaryDirectory directory) => MountDescription.Open(directory.File("mounted"), message => Assert.Fail(message));
}
