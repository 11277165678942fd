using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Sluice.Build.Look;
using Sluice.Build.Tests.Support;
using Sluice.Formats.Trees;
using Sluice.Testing;
using Sluice.Testing.Images;

namespace Sluice.Build.Tests.Convert;

/// <summary>
/// Two layers with every peculiarity, converted by us, against the listing that the kernel gave for what nydus-image made of them.
/// Times are compared by the second: nydus-image leaves the fractions out. Where a layer has no entry for a directory, nydus-image
/// forgets the lower layer's time and ignores whiteouts in it; the image specification and containerd do neither, and so don't we.
/// </summary>
public class GoldenTreeTests
{
    private const string Whiteout = "/many/file-with-a-rather-long-name-0000.txt";
    private static readonly string[] ImplicitAbove = ["/many", "/usr"];

    [Fact]
    public async Task Our_conversion_gives_the_tree_of_nydus_image()
    {
        await using var workshop = new Workshop();
        var image = new TestImage();
        foreach (string layer in new[] { "layer1", "layer2" }) image.Layer(TestLayer.Raw(await File.ReadAllBytesAsync(Golden.Path($"nydus/generated/{layer}.tar.gz"))));
        await image.StoreAsync(workshop.Source, "a");
        await workshop.ConvertAsync();
        Assert.True((await workshop.CheckAsync()).Same);

        ImageContents contents = await ImageContents.OpenAsync(await Workshop.ResolveAsync(workshop.Destination), 1 << 20, CancellationToken.None);
        var digests = new HashingSink();
        await contents.ReadAsync([.. TreeWalk.Inodes(contents.Root).Where(i => i.Chunks.Count > 0)], digests, CancellationToken.None);
        IReadOnlyDictionary<Inode, uint> links = TreeWalk.CountLinks(contents.Root);
        var ours = TreeWalk.DepthFirst(contents.Root).ToDictionary(e => e.Path, e => e.Inode);
        int count = 0;
        foreach (string line in await File.ReadAllLinesAsync(Golden.Path("nydus/generated/exp-native.jsonl")))
        {
            using JsonDocument document = JsonDocument.Parse(line);
            JsonElement expected = document.RootElement;
            string path = expected.GetProperty("path").GetString()!;
            count++;
            if (path == Whiteout)
            {
                Assert.DoesNotContain(new FileName(path), (IDictionary<FileName, Inode>)ours);
                continue;
            }

            Inode inode = Assert.Contains(new FileName(path), (IDictionary<FileName, Inode>)ours);
            AssertSame(path, expected, inode, links[inode], digests);
        }

        Assert.Equal(ours.Count + 1, count);
    }

    private static void AssertSame(string path, JsonElement expected, Inode inode, uint links, HashingSink digests)
    {
        foreach (JsonProperty property in expected.EnumerateObject())
        {
            if (property.Name == "mtime" && ImplicitAbove.Contains(path)) continue;
            JsonElement value = property.Value;
            string? wanted = value.ToString(), actual = property.Name switch
            {
                "path" => path,
                "mode" => "0o" + System.Convert.ToString((int)inode.Type | inode.Mode, 8),
                "uid" => $"{inode.UserId}",
                "gid" => $"{inode.GroupId}",
                "mtime" => $"{inode.ModificationTime.Seconds}",
                "nlink" => $"{links}",
                "size" => $"{inode.Size}",
                "target" => inode.LinkTarget.ToString(),
                "rdev" => $"[{inode.Device.Major}, {inode.Device.Minor}]",
                "sha256" => digests.Of(inode),
                "xattrs" => null,
                _ => throw new InvalidDataException(property.Name),
            };
            if (property.Name == "rdev") wanted = value.GetRawText();
            if (property.Name == "xattrs") AssertAttributes(path, value, inode);
            else Assert.True(wanted == actual, $"{path}: {property.Name}: {wanted} / {actual}");
        }

        if (!expected.TryGetProperty("xattrs", out _)) Assert.Empty(inode.ExtendedAttributes);
    }

    private static void AssertAttributes(string path, JsonElement expected, Inode inode)
    {
        Assert.True(expected.EnumerateObject().Count() == inode.ExtendedAttributes.Count, path);
        foreach (ExtendedAttribute attribute in inode.ExtendedAttributes)
        {
            string value = expected.GetProperty(attribute.Name.ToString()).GetString()!;
            Assert.True(value == System.Convert.ToHexStringLower(attribute.Value) || value == Encoding.UTF8.GetString(attribute.Value), $"{path}: {attribute.Name}: {value}");
        }
    }

    private sealed class HashingSink : IFileSink
    {
        private readonly Dictionary<Inode, string> _digests = new(ReferenceEqualityComparer.Instance);
        private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        private Inode? _file;

        public string Of(Inode file) => _digests.TryGetValue(file, out string? digest) ? digest : System.Convert.ToHexStringLower(SHA256.HashData([]));

        public ValueTask BeginAsync(Inode file, CancellationToken cancellation)
        {
            _file = file;
            return ValueTask.CompletedTask;
        }

        public ValueTask WriteAsync(ReadOnlyMemory<byte> piece, CancellationToken cancellation)
        {
            _hash.AppendData(piece.Span);
            return ValueTask.CompletedTask;
        }

        public ValueTask EndAsync(CancellationToken cancellation)
        {
            _digests[_file!] = System.Convert.ToHexStringLower(_hash.GetHashAndReset());
            return ValueTask.CompletedTask;
        }
    }
}
