using System.Runtime.InteropServices;

namespace Sluice.Kernel.Fuse;

/// <summary>Sizes and ioctl numbers of the protocol (linux/fuse.h).</summary>
internal static class FuseLayout
{
    public const ulong RootNode = 1;
    public const uint MajorVersion = 7;

    /// <summary>The newest minor version whose structures are used here.</summary>
    public const uint MinorVersion = 45;

    /// <summary>Largest READ that is agreed on: <c>max_pages</c> × 4 KiB.</summary>
    public const int MaxRead = MaxPages * 4096;

    public const ushort MaxPages = 256;

    /// <summary>Largest WRITE of a read-only mount; the kernel's minimum keeps request buffers small.</summary>
    public const int MinWrite = 4096;

    /// <summary>Largest WRITE of a writable mount.</summary>
    public const int MaxWrite = MaxPages * 4096;

    public const int NameLimit = 255;

    /// <summary><c>FUSE_DEV_IOC_BACKING_OPEN</c>: _IOW(229, 1, struct fuse_backing_map); returns a backing id.</summary>
    public const uint BackingOpen = 0x4010e501;

    /// <summary><c>FUSE_DEV_IOC_BACKING_CLOSE</c>: _IOW(229, 2, u32).</summary>
    public const uint BackingClose = 0x4004e502;

    public const uint ModeDirectory = 0x4000;
    public const uint ModeRegular = 0x8000;
}

/// <summary>40 bytes in front of every request.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct FuseInHeader
{
    /// <summary>Whole message, this header included.</summary>
    public uint Length;
    public FuseOpcode Opcode;

    /// <summary>Names the request; bit 63 marks one that was sent again. Replies echo it as it is.</summary>
    public ulong Unique;
    public ulong Node;
    public uint User;
    public uint Group;
    public uint Process;
    public ushort ExtensionLength;
    public ushort Padding;
}

/// <summary>16 bytes in front of every reply.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct FuseOutHeader
{
    public uint Length;

    /// <summary>0 or a negative errno; in a notification its positive code.</summary>
    public int Error;
    public ulong Unique;
}

[StructLayout(LayoutKind.Sequential)]
internal struct FuseInitIn
{
    public uint Major;
    public uint Minor;
    public uint MaxReadAhead;
    public uint FlagsLow;
}

/// <summary>64 bytes.</summary>
[StructLayout(LayoutKind.Sequential, Size = 64)]
internal struct FuseInitOut
{
    public uint Major;
    public uint Minor;
    public uint MaxReadAhead;
    public uint FlagsLow;
    public ushort MaxBackground;
    public ushort CongestionThreshold;
    public uint MaxWrite;
    public uint TimeGranularity;
    public ushort MaxPages;
    public ushort MapAlignment;
    public uint FlagsHigh;
    public uint MaxStackDepth;
    public ushort RequestTimeout;
}

/// <summary>88 bytes: what <c>stat</c> shows.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct FuseAttributes
{
    public ulong Inode;
    public ulong Size;

    /// <summary>In units of 512 bytes.</summary>
    public ulong Blocks;
    public ulong AccessTime;
    public ulong ModifyTime;
    public ulong ChangeTime;
    public uint AccessNanoseconds;
    public uint ModifyNanoseconds;
    public uint ChangeNanoseconds;
    public uint Mode;
    public uint Links;
    public uint User;
    public uint Group;
    public uint Device;
    public uint BlockSize;
    public uint Flags;
}

/// <summary>128 bytes: reply to LOOKUP, and the head of a READDIRPLUS record.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct FuseEntryOut
{
    public ulong Node;
    public ulong Generation;
    public ulong EntryValidSeconds;
    public ulong AttributesValidSeconds;
    public uint EntryValidNanoseconds;
    public uint AttributesValidNanoseconds;
    public FuseAttributes Attributes;
}

/// <summary>104 bytes: reply to GETATTR.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct FuseAttributesOut
{
    public ulong ValidSeconds;
    public uint ValidNanoseconds;
    public uint Padding;
    public FuseAttributes Attributes;
}

/// <summary>16 bytes: reply to OPEN and OPENDIR.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct FuseOpenOut
{
    public ulong Handle;
    public FuseOpenFlags Flags;
    public int BackingId;
}

/// <summary>40 bytes: body of READ, READDIR and READDIRPLUS.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct FuseReadIn
{
    public ulong Handle;
    public ulong Offset;
    public uint Size;
    public uint ReadFlags;
    public ulong LockOwner;
    public uint Flags;
    public uint Padding;
}

/// <summary>40 bytes in front of the data: body of WRITE.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct FuseWriteIn
{
    public ulong Handle;
    public ulong Offset;
    public uint Size;
    public uint WriteFlags;
    public ulong LockOwner;
    public uint Flags;
    public uint Padding;
}

/// <summary>8 bytes: reply to WRITE.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct FuseWriteOut
{
    public uint Size;
    public uint Padding;
}

/// <summary>32 bytes: body of FALLOCATE.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct FuseAllocateIn
{
    public ulong Handle;
    public ulong Offset;
    public ulong Length;

    /// <summary>As of fallocate(2).</summary>
    public uint Mode;
    public uint Padding;
}

/// <summary>8 bytes: body of OPEN.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct FuseOpenIn
{
    /// <summary>As of open(2).</summary>
    public uint Flags;
    public uint OpenFlags;
}

/// <summary>The first 24 bytes of the body of SETATTR.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct FuseSetAttributesIn
{
    /// <summary>Which fields count.</summary>
    public uint Valid;
    public uint Padding;
    public ulong Handle;
    public ulong Size;
}

/// <summary>24 bytes in front of a directory entry's name, which is padded to 8 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct FuseDirectoryEntry
{
    public ulong Inode;

    /// <summary>Where the listing goes on after this entry.</summary>
    public ulong NextOffset;
    public uint NameLength;

    /// <summary>DT_*: mode bits 12..15.</summary>
    public uint Type;
}

/// <summary>80 bytes: reply to STATFS.</summary>
[StructLayout(LayoutKind.Sequential, Size = 80)]
internal struct FuseStatFs
{
    public ulong Blocks;
    public ulong FreeBlocks;
    public ulong AvailableBlocks;
    public ulong Files;
    public ulong FreeFiles;
    public uint BlockSize;
    public uint NameLimit;
    public uint FragmentSize;
}

/// <summary>16 bytes: argument of <see cref="FuseLayout.BackingOpen"/>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct FuseBackingMap
{
    public int Descriptor;
    public uint Flags;
    public ulong Padding;
}

/// <summary>24 bytes: body of <see cref="FuseNotification.InvalidateInode"/>; a length of 0 means to the end.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct FuseInvalidateInode
{
    public ulong Node;
    public long Offset;
    public long Length;
}

/// <summary>16 bytes in front of the name and its NUL: body of <see cref="FuseNotification.InvalidateEntry"/>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct FuseInvalidateEntry
{
    public ulong Parent;
    public uint NameLength;
    public uint Flags;
}
