using Sluice.Formats.Ext4;
using Sluice.Formats.Trees;
using Sluice.Testing;
using Sluice.Testing.Ext4;

namespace Sluice.Formats.Tests.Ext4;

/// <summary>A device in a file, with an ext4 on it.</summary>
internal sealed class TestImage : IDisposable
{
    public const long Small = 64 << 20;

    private readonly TemporaryDirectory _directory = new();

    private TestImage(Action<string> make)
    {
        Path = _directory.File("image");
        make(Path);
        Store = new FileBlockStore(Path);
    }

    public string Path { get; }

    public FileBlockStore Store { get; }

    /// <summary>Our own empty file system.</summary>
    public static TestImage Create(long size = Small, Func<Ext4FormatOptions, Ext4FormatOptions>? change = null) => new(path =>
    {
        using var store = new FileBlockStore(path, size);
        var options = new Ext4FormatOptions { Size = size, Time = 1_700_000_000 };
        Ext4Formatter.Format(store, change is null ? options : change(options));
    });

    /// <summary>One that mke2fs makes.</summary>
    public static TestImage CreateForeign(string? features, long size = Small, params string[] more) => new(path => E2fs.Make(path, size, features, more));

    public Ext4FileSystem Open() => Ext4FileSystem.Open(Store);

    /// <summary>Opens, changes, flushes, and has e2fsck look at it.</summary>
    public TestImage Change(Action<Ext4FileSystem> change)
    {
        Ext4FileSystem fileSystem = Open();
        change(fileSystem);
        fileSystem.Flush();
        E2fs.AssertClean(Path);
        return this;
    }

    public Ext4Image Read() => Ext4Reader.Read(Store);

    public void Dispose()
    {
        Store.Dispose();
        _directory.Dispose();
    }
}
