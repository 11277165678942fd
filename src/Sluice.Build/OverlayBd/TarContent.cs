using Sluice.Formats.Ext4;
using Sluice.Formats.Tar;

namespace Sluice.Build.OverlayBd;

/// <summary>The content of the entry that a tar reader stands at.</summary>
internal sealed class TarContent(TarReader tar) : IFileContent
{
    public int Read(Span<byte> buffer) => tar.ReadContent(buffer);

    public void Skip(long count) => tar.SkipContent(count);
}
