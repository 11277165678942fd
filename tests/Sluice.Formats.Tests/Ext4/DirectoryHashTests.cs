using System.Globalization;
using Sluice.Formats.Ext4;
using Sluice.Testing.Ext4;

namespace Sluice.Formats.Tests.Ext4;

public sealed class DirectoryHashTests
{
    [Theory]
    [InlineData("legacy", 0)]
    [InlineData("half_md4", 1)]
    [InlineData("tea", 2)]
    [InlineData("3", 3)]
    [InlineData("4", 4)]
    [InlineData("5", 5)]
    public void Hashes_are_those_of_debugfs(string tool, byte version)
    {
        using TestImage image = TestImage.Create();
        var seed = new Guid("5c1a1ce0-1234-5678-9abc-def012345678");
        var hash = new DirectoryHash(version, unsigned: false, seed.ToByteArray(bigEndian: true));
        var random = new Random(version);
        foreach (int length in (int[])[1, 3, 4, 5, 15, 16, 17, 31, 32, 33, 63, 64, 65, 200, 255])
        {
            // Characters above 0x7f, where signedness shows, in UTF-8.
            string name = string.Concat(Enumerable.Range(0, length).Select(_ => random.Next(5) == 0 && length < 100 ? "é" : ((char)random.Next('a', 'z')).ToString()));
            string output = E2fs.Debug(image.Path, $"dx_hash -h {tool} -s {seed} {name}");
            string expected = output[(output.IndexOf("is 0x", StringComparison.Ordinal) + 5)..].Split(' ', '(', '\n')[0];
            uint ours = hash.Compute(System.Text.Encoding.UTF8.GetBytes(name));
            Assert.Equal(uint.Parse(expected, NumberStyles.HexNumber, CultureInfo.InvariantCulture), ours);
        }
    }
}
